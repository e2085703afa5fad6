"""rclone, which uploads files that something else has written."""

import os
import shutil
import subprocess
import time


def is_installed():
    return shutil.which("rclone") is not None


def upload(path, sink):
    """Seconds of an upload of one file. `sink` is the store, as settings of export_job."""
    settings = {"RCLONE_CONFIG_SINK_TYPE": "s3", "RCLONE_CONFIG_SINK_PROVIDER": "Other", "RCLONE_CONFIG_SINK_ENV_AUTH": "true",
                "RCLONE_CONFIG_SINK_ENDPOINT": sink["S3_ENDPOINT"], "RCLONE_CONFIG_SINK_REGION": "us-east-1",
                "RCLONE_S3_NO_CHECK_BUCKET": "true", "RCLONE_S3_NO_HEAD": "true", "RCLONE_IGNORE_CHECKSUM": "true"}
    environment = {**os.environ, **sink, **settings}
    environment.pop("AWS_CA_BUNDLE", None)
    begin = time.monotonic()
    subprocess.run(["rclone", "--config", "/dev/null", "copyto", path, "sink:bench/rclone", "--s3-upload-concurrency", "4",
                    "--retries", "1"], check=True, env=environment, capture_output=True)
    return time.monotonic() - begin
