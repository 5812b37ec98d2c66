"""Origins of pages (RFC 6454): scheme, host and port, as browsers send them."""

from urllib.parse import urlsplit

ANY = "*"


def origins(listed: str) -> list[str]:
    """Read a list of origins with commas, as browsers send them. Raises ValueError.

    People copy them from a browser's address line, with a slash at the end.
    """
    return [_origin(each.strip()) for each in listed.split(",") if each.strip()]


def _origin(text: str) -> str:
    if text == ANY:
        return text
    parts = urlsplit(text)
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    if not (parts.scheme and parts.netloc) or text.lower().removesuffix("/") != origin:
        raise ValueError(
            f"should be origins such as https://example.org, separated by commas, or {ANY}"
        )
    return origin
