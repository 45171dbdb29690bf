"""What schemathesis has to know of our media types."""
import schemathesis


@schemathesis.serializer("application/partial-upload")
def partial_upload(context, value):
    return value if isinstance(value, bytes) else str(value).encode()
