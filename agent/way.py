"""How this agent gets to the collector: by which proxy, and which certificate it shows there."""

import msgspec


class Way(msgspec.Struct, frozen=True):
    """Settings of the way; an empty one is not set. `proxy` may be `none`: straight, whatever the environment says."""

    proxy: str = ""
    proxy_login_file: str = ""
    client_certificate_file: str = ""
    client_key_file: str = ""


STRAIGHT = Way()
