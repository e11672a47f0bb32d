"""The releases whose manners on the wire the stand-in can take."""

from dataclasses import dataclass

CHARSET = 873  # AL32UTF8
NATIONAL_CHARSET = 2000  # AL16UTF16

_END_OF_RESPONSE_FLAG = 0x02000000
_FAST_AUTH_FLAG = 0x10000000
_CAP_FIELD_VERSION = 7
_CAP_END_OF_RESPONSE = 40


@dataclass(frozen=True)
class Persona:
    name: str
    banner: str
    tns_version: int
    field_version: int
    fast_auth: bool
    end_of_response: bool

    @property
    def accept_flags(self) -> int:
        fast = _FAST_AUTH_FLAG if self.fast_auth else 0
        return fast | (_END_OF_RESPONSE_FLAG if self.end_of_response else 0)

    @property
    def compile_capabilities(self) -> bytes:
        """55 bytes, because a client reads far into them without asking how many there are."""
        caps = bytearray(55)
        caps[4] = 0xEA  # the kinds of logon
        caps[_CAP_FIELD_VERSION] = self.field_version
        caps[15] = 0x29
        caps[16] = 0x90
        caps[23] = 0xCF
        caps[26] = 0x04
        caps[27] = 0x01
        caps[37] = 0x20  # chunks longer than a byte can count
        caps[_CAP_END_OF_RESPONSE] = 0x20 if self.end_of_response else 0
        return bytes(caps)

    @property
    def runtime_capabilities(self) -> bytes:
        """A time zone in the data types message, strings of 32 K, no session state."""
        return bytes([2, 1, 0, 0, 0, 0, 4])


RELEASE_19C = Persona(
    name="19c",
    banner="Linux x86_64 stand-in 19c",
    tns_version=317,
    field_version=12,
    fast_auth=False,
    end_of_response=False,
)
RELEASE_23AI = Persona(
    name="23ai",
    banner="Linux x86_64 stand-in 23ai",
    tns_version=319,
    field_version=24,
    fast_auth=True,
    end_of_response=True,
)
PERSONAS = {persona.name: persona for persona in (RELEASE_19C, RELEASE_23AI)}


def negotiated_field_version(persona: Persona, client_capabilities: bytes) -> int:
    """The lower of what both sides know; a client that names none is taken at the persona's word."""
    if len(client_capabilities) <= _CAP_FIELD_VERSION:
        return persona.field_version
    return min(persona.field_version, client_capabilities[_CAP_FIELD_VERSION])
