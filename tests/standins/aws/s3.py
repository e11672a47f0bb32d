"""The parts of uploads that were never finished, at sizes that nobody would want to upload to a test."""

from tests.standins.aws.calls import Call
from tests.standins.aws.world import Answer, Handlers, World


def parts_shelf(bucket: str, upload: str) -> str:
    return f"s3.parts:{bucket}:{upload}"


def _parts(call: Call, world: World) -> Answer:
    """From the shelf where the estate put some there, else moto's own."""
    bucket, upload = str(call.get("Bucket")), str(call.get("UploadId"))
    rows = world.shelf.get((call.account, "", parts_shelf(bucket, upload)))
    if rows is None:
        return None
    return {"Bucket": bucket, "Key": call.get("Key"), "UploadId": upload, "Parts": rows, "IsTruncated": False}


HANDLERS: Handlers = {("s3", "ListParts"): _parts}
