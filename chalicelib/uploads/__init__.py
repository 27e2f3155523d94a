"""Uploads: direct, bulk, presigned and by S3 events."""
