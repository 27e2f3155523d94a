export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * FocalPoint
         * @description A place in the upright picture.
         */
        FocalPoint: {
            /** @description From the left edge (0) to the right one (1). */
            x: number;
            /** @description From the upper edge (0) to the lower one (1). */
            y: number;
        };
        /**
         * Image
         * @description An image.
         */
        Image: {
            image_id: string;
            collection: string;
            /** @description Unique within the collection; part of the address below `/cdn`. */
            name: string;
            /** @description File name as uploaded. */
            filename: string;
            /** @description URL of the full size in a format that every client reads. Empty, like names and thumbnails, for an image that is not public if the token lacks the scope `read`. */
            url: string;
            /** @description Every size as a value for `<img srcset>`, narrowest first, in a format that every client reads: thumbnails, widths (`WALLIFY_LADDER`) and the full size. */
            srcset: string;
            /** @description The same in modern formats (AVIF, WebP) that have all widths; the best first. */
            sources: components["schemas"]["PictureSource"][];
            /** @description A whole `<picture>` element, escaped: `sources`, `srcset`, width and height, the main colour as a background and the ThumbHash as `data-thumbhash`. The alternative text is the file name. */
            picture: string;
            thumbnails: components["schemas"]["Thumbnail"][];
            /** @description Format of the original. */
            format: string;
            width: number;
            height: number;
            /** @description Size of the original in bytes. */
            bytes: number;
            /** @description SHA-256 of the original. */
            sha256: string;
            has_alpha: boolean;
            frames: number;
            /** @description ThumbHash placeholder, base64. */
            thumbhash: string;
            /** @description Dominant colours as #rrggbb, most common first. */
            colors: string[];
            /** Format: date-time */
            created_at: string;
            recipe: string;
            /** @description What differs from what the uploader may expect, such as a cleaned folder name. */
            warnings: string[];
            rights: components["schemas"]["ImageRights"];
            /** @description True in a private collection: the URLs are signed and expire within an hour. */
            private: boolean;
            /** @description What stays where renditions are cut; null if nobody has set it (`PATCH`). */
            focal_point: components["schemas"]["FocalPoint"] | null;
            links: {
                [key: string]: string;
            };
        };
        /**
         * ImageDetails
         * @description An image with its EXIF data.
         */
        ImageDetails: {
            image_id: string;
            collection: string;
            /** @description Unique within the collection; part of the address below `/cdn`. */
            name: string;
            /** @description File name as uploaded. */
            filename: string;
            /** @description URL of the full size in a format that every client reads. Empty, like names and thumbnails, for an image that is not public if the token lacks the scope `read`. */
            url: string;
            /** @description Every size as a value for `<img srcset>`, narrowest first, in a format that every client reads: thumbnails, widths (`WALLIFY_LADDER`) and the full size. */
            srcset: string;
            /** @description The same in modern formats (AVIF, WebP) that have all widths; the best first. */
            sources: components["schemas"]["PictureSource"][];
            /** @description A whole `<picture>` element, escaped: `sources`, `srcset`, width and height, the main colour as a background and the ThumbHash as `data-thumbhash`. The alternative text is the file name. */
            picture: string;
            thumbnails: components["schemas"]["Thumbnail"][];
            /** @description Format of the original. */
            format: string;
            width: number;
            height: number;
            /** @description Size of the original in bytes. */
            bytes: number;
            /** @description SHA-256 of the original. */
            sha256: string;
            has_alpha: boolean;
            frames: number;
            /** @description ThumbHash placeholder, base64. */
            thumbhash: string;
            /** @description Dominant colours as #rrggbb, most common first. */
            colors: string[];
            /** Format: date-time */
            created_at: string;
            recipe: string;
            /** @description What differs from what the uploader may expect, such as a cleaned folder name. */
            warnings: string[];
            rights: components["schemas"]["ImageRights"];
            /** @description True in a private collection: the URLs are signed and expire within an hour. */
            private: boolean;
            /** @description What stays where renditions are cut; null if nobody has set it (`PATCH`). */
            focal_point: components["schemas"]["FocalPoint"] | null;
            links: {
                [key: string]: string;
            };
            /** @description Camera, lens, exposure and similar; never a location. */
            exif: {
                [key: string]: string;
            };
        };
        /**
         * ImageList
         * @description A page of images in the requested order.
         */
        ImageList: {
            images: components["schemas"]["Image"][];
            /** @description Cursor of the next page; null on the last page. */
            next_cursor: string | null;
            /**
             * @description Number of matches; null when paging by cursor, newest first.
             * @default null
             */
            total: number | null;
            /**
             * @description The requested page number; null when paging by cursor.
             * @default null
             */
            page: number | null;
            /**
             * @description Number of pages; null when paging by cursor.
             * @default null
             */
            pages: number | null;
            /**
             * @description Seed of the random order; send it again to get the same order.
             * @default null
             */
            seed: string | null;
        };
        /**
         * ImageRights
         * @description Author and copyright from the file (EXIF, IPTC, XMP); empty where the file has none.
         */
        ImageRights: {
            /**
             * @description Names, separated by "; ".
             * @default
             */
            author: string;
            /** @default  */
            copyright: string;
            /**
             * @description URL of the licence or of a page about the rights; http or https.
             * @default
             */
            licence_url: string;
        };
        /**
         * ImageSource
         * @description One stored file.
         */
        ImageSource: {
            format: string;
            url: string;
            bytes: number;
            /** @description Media type, for `<source type>`. */
            type: string;
        };
        /**
         * OnDuplicate
         * @description What to do with bytes that the collection already has.
         * @enum {unknown}
         */
        OnDuplicate: "copy" | "error" | "reuse";
        /**
         * PictureSource
         * @description The sizes of an image in one format, for `<source>` in `<picture>`.
         */
        PictureSource: {
            format: string;
            /** @description Media type, for `<source type>`. */
            type: string;
            /** @description As the `srcset` of the image. */
            srcset: string;
        };
        /**
         * PresignedUpload
         * @description A presigned form for one file: POST the fields as multipart/form-data to `url`, with `file` as the last part.
         */
        PresignedUpload: {
            task_id: string;
            filename: string;
            url: string;
            fields: {
                [key: string]: string;
            };
            /** Format: date-time */
            expires_at: string;
            max_bytes: number;
        };
        /**
         * PresignedUploads
         * @description Presigned forms in request order.
         */
        PresignedUploads: {
            /** @default true */
            success: boolean;
            /** @description The task of the one file, or the parent task of all files. */
            task_id: string;
            uploads: components["schemas"]["PresignedUpload"][];
        };
        /**
         * ProcessedImage
         * @description The image that a successful process_image task has produced.
         */
        ProcessedImage: {
            image_id: string;
            collection: string;
            /** @description Unique within the collection; part of the address below `/cdn`. */
            name: string;
            /** @description File name as uploaded. */
            filename: string;
            /** @description URL of the full size in a format that every client reads. Empty, like names and thumbnails, for an image that is not public if the token lacks the scope `read`. */
            url: string;
            /** @description Every size as a value for `<img srcset>`, narrowest first, in a format that every client reads: thumbnails, widths (`WALLIFY_LADDER`) and the full size. */
            srcset: string;
            /** @description The same in modern formats (AVIF, WebP) that have all widths; the best first. */
            sources: components["schemas"]["PictureSource"][];
            /** @description A whole `<picture>` element, escaped: `sources`, `srcset`, width and height, the main colour as a background and the ThumbHash as `data-thumbhash`. The alternative text is the file name. */
            picture: string;
            thumbnails: components["schemas"]["Thumbnail"][];
            /** @description Format of the original. */
            format: string;
            width: number;
            height: number;
            /** @description Size of the original in bytes. */
            bytes: number;
            /** @description SHA-256 of the original. */
            sha256: string;
            has_alpha: boolean;
            frames: number;
            /** @description ThumbHash placeholder, base64. */
            thumbhash: string;
            /** @description Dominant colours as #rrggbb, most common first. */
            colors: string[];
            /** Format: date-time */
            created_at: string;
            recipe: string;
            /** @description What differs from what the uploader may expect, such as a cleaned folder name. */
            warnings: string[];
            rights: components["schemas"]["ImageRights"];
            /** @description True in a private collection: the URLs are signed and expire within an hour. */
            private: boolean;
            /** @description What stays where renditions are cut; null if nobody has set it (`PATCH`). */
            focal_point: components["schemas"]["FocalPoint"] | null;
            links: {
                [key: string]: string;
            };
            /** @description True when the collection already had these bytes; this is that image. */
            duplicate: boolean;
        };
        /**
         * RenditionUrl
         * @description The signed URL of a rendition.
         */
        RenditionUrl: {
            url: string;
            expires_at: string | null;
        };
        /**
         * Task
         * @description A task.
         */
        Task: {
            task_id: string;
            type: components["schemas"]["TaskType"];
            status: components["schemas"]["TaskStatus"];
            /** @description True when the state is final. */
            ready: boolean;
            successful: boolean;
            progress: components["schemas"]["TaskProgress"];
            /** @description The result; for process_image, the image. */
            result: components["schemas"]["ProcessedImage"] | Record<string, never> | null;
            error: components["schemas"]["TaskError"] | null;
            attempts: number;
            max_attempts: number;
            /** Format: date-time */
            created_at: string;
            queued_at: string | null;
            /** @description Start of the newest attempt. */
            started_at: string | null;
            finished_at: string | null;
            queue_wait_ms: number | null;
            runtime_ms: number | null;
            parent_id: string | null;
            /** @description Number of child tasks; `GET /tasks?parent=` lists them. */
            children: number;
            subject: components["schemas"]["TaskSubject"];
            cancel_requested: boolean;
            /** @description What differs from what the client may expect, such as a cleaned folder name. */
            warnings: string[];
            links: {
                [key: string]: string;
            };
        };
        /**
         * TaskError
         * @description The reason why the last attempt did not succeed.
         */
        TaskError: {
            code: string;
            message: string;
            /** @description True when another attempt may succeed. */
            retryable: boolean;
            /**
             * @description Facts about the error, as in a direct answer: the limit and the value, the type, the accepted types.
             * @default {}
             */
            details: Record<string, never>;
            /**
             * @description What is wrong with the configuration (service, operation, error, resource); for the scope `admin` only.
             * @default null
             */
            cause: Record<string, never> | null;
            /**
             * @description Stack trace of an internal error; for the scope `admin` only.
             * @default null
             */
            trace: string | null;
        };
        /**
         * TaskProgress
         * @description The progress of a task.
         */
        TaskProgress: {
            current: number;
            total: number;
            percent: number;
            stage: string;
            /** @description Steps of the newest attempt, in order. */
            steps: components["schemas"]["TaskStep"][];
        };
        /**
         * TaskStatus
         * @description The state of a task; the last four are final.
         * @enum {unknown}
         */
        TaskStatus: "FAILURE" | "PARTIAL" | "PENDING" | "RETRY" | "REVOKED" | "STARTED" | "SUCCESS";
        /**
         * TaskStep
         * @description A step and its start time.
         */
        TaskStep: {
            stage: string;
            /** Format: date-time */
            at: string;
        };
        /**
         * TaskSubject
         * @description The image, collection and file that a task is about.
         */
        TaskSubject: {
            image_id: string | null;
            collection: string | null;
            filename: string | null;
        };
        /**
         * TaskType
         * @description The kinds of tasks.
         * @enum {unknown}
         */
        TaskType: "bulk_process_images" | "change_privacy" | "cleanup_orphaned_files" | "delete_images" | "generate_thumbnails" | "optimize_images" | "process_image" | "rename_collection" | "update_collection_stats";
        /**
         * Thumbnail
         * @description One preset size in every stored format.
         */
        Thumbnail: {
            /** @description Longest side of the preset in pixels; a smaller image is not enlarged. */
            size: number;
            width: number;
            height: number;
            /** @description The format that every client reads: jpeg, or png for an image with transparency. */
            format: string;
            bytes: number;
            url: string;
            /** @description All formats, smallest file first. */
            sources: components["schemas"]["ImageSource"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
