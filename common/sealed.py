"""A text file that carries its own signature: the last line holds a detached JWS over all bytes before it."""

from collections.abc import Iterable

from common.identity import NotAuthentic, PrivateKey, PublicKey, key_id_of

_MARK = b"# fieldpost-signature: "


def seal(content: bytes, key: PrivateKey) -> bytes:
    """The content with its signature below it."""
    whole = content if content.endswith(b"\n") else content + b"\n"
    return whole + _MARK + key.sign(whole).encode() + b"\n"


def unseal(sealed: bytes, keys: Iterable[PublicKey]) -> bytes:
    """The content; `NotAuthentic` unless one of these keys signed exactly these bytes."""
    content, mark, signature = sealed.rpartition(_MARK)
    if not mark or not (content.endswith(b"\n") and signature.endswith(b"\n")):
        raise NotAuthentic("bad_signature", "it is not signed: the last line is no `# fieldpost-signature: …`")
    detached = signature.decode("ascii", errors="replace").strip()
    wanted = key_id_of(detached)
    key = next((key for key in keys if key.key_id == wanted), None)
    if key is None:
        raise NotAuthentic("key_unknown", f"it is signed by key {wanted or '(none)'}, which is not trusted here")
    key.verify(content, detached)
    return content
