import type { components } from "./api.js";
type Schemas = components["schemas"];
export type Image = Schemas["Image"];
export type ImageList = Schemas["ImageList"];
export type Task = Schemas["Task"];
export type ProcessedImage = Schemas["ProcessedImage"];
export interface UploadOptions {
    /** Created with its first picture; "default" without one. */
    collection?: string;
    /** The file's own name without one. */
    filename?: string;
    /** Called with the bytes of the file that are sent, and all of them. Node reports the end only. */
    onProgress?: Progress;
    /** Stops sending and waiting; work that has begun goes on. */
    signal?: AbortSignal;
    /** What to do if the collection has these bytes. */
    onDuplicate?: Schemas["OnDuplicate"];
}
export interface PictureOptions {
    /** Empty for a picture that says nothing new. */
    alt?: string;
    /** As of `<img sizes>`; "100vw" without one. */
    sizes?: string;
    /** "eager" for what is seen first; "lazy" without one. */
    loading?: "lazy" | "eager";
}
/** What shows a picture: a record of the API, or an entry of a collection's manifest. */
export type Shown = Pick<Image, "image_id" | "srcset" | "sources" | "width" | "height" | "thumbhash"> & Partial<Pick<Image, "url" | "private">>;
export type Progress = (sent: number, total: number) => void;
interface Problem {
    code?: string;
    message?: string;
    details?: object;
}
/** What the API, the bucket or a failed task says. */
export declare class WallifyError extends Error {
    readonly status: number;
    /** A stable word for programs, such as `image_damaged`. */
    readonly code: string;
    readonly details: object;
    /** `status` is the HTTP status; 0 for a task that has failed. */
    constructor(problem: Problem, status?: number);
}
/** One Wallify, at its address and with a token. */
export declare class Wallify {
    #private;
    /** `url` is the API's; the token needs the scopes `upload` and `read`, as far as they are used. */
    constructor(url: string, token?: string);
    /** Send a picture straight into the bucket, and wait until it is published. */
    upload(file: Blob & {
        name?: string;
    }, options?: UploadOptions): Promise<ProcessedImage>;
    /** Wait for the end of a task. Throws a WallifyError if it ends without success. */
    finished(taskId: string, { signal, onChange }?: {
        signal?: AbortSignal;
        onChange?: (task: Task) => void;
    }): Promise<Task>;
    image(imageId: string): Promise<Schemas["ImageDetails"]>;
    /**
     * A page of a collection; `next_cursor` of the answer is the `cursor` of the next one. Filters are those of the API:
     * `limit`, `cursor`, `sort`, `orientation`, `min_width`, …
     */
    images(collection: string, filters?: Record<string, string | number>): Promise<ImageList>;
    /** The address of a preset, such as `phone-1080x2400-smart`. */
    rendition(imageId: string, preset: string): string;
    /**
     * The signed address of a rendition with options of your own: `{ w: 1080, h: 2400, fit: "cover", gravity: "smart" }`.
     * It expires after so many hours, or else ends with the token.
     */
    signedRendition(imageId: string, options: Record<string, string | number>, hours?: number): Promise<string>;
    /**
     * Widths and addresses for `<img srcset>`: what is stored, and between that and the full size screens that are made on
     * demand. Without a format, stored sizes are in one that every client reads.
     */
    srcset(image: Shown, format?: string): string;
    /** HTML of a `<picture>` that reserves its place, shows the placeholder first and loads a fitting size. */
    picture(image: Shown, { alt, sizes, loading }?: PictureOptions): string;
}
/** A ThumbHash (base64, as in the records) as a data URL of 32 pixels. The format: https://evanw.github.io/thumbhash/ */
export declare function placeholder(thumbhash: string): string;
export {};
