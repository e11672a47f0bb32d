"""Settings of both programs: TOML file < environment (`FIELDPOST_…`) < flags; an unknown key is an error.

A new setting is one field, with a `description`, of `agent.settings.Settings` or `collector.core.settings.Settings`.
"""

import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from common import credentials
from common.errors import EXIT_CONFIGURATION, ConfigurationError

__all__ = ["EXIT_CONFIGURATION", "ConfigurationError", "Settings", "installed", "load"]

ENV_PREFIX = "FIELDPOST_"

_file_values: ContextVar[dict[str, object]] = ContextVar("_file_values", default={})  # noqa: B039 - never mutated


class Settings(BaseSettings):
    """Base of both programs' settings; read them with `load`.

    A setting that is a file may name a credential of the service manager: `credential:NAME`.
    """

    credentials_dir: ClassVar[Path]

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, InitSettingsSource(settings_cls, _file_values.get())

    @field_validator("*", mode="before")
    @classmethod
    def _credential(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str) or not value.startswith(credentials.PREFIX):
            return value
        kind = cls.model_fields[info.field_name or ""].annotation
        if Path not in (kind, *get_args(kind)):
            return value
        try:
            return credentials.named(value, cls.credentials_dir)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None


S = TypeVar("S", bound=Settings)


def load(kind: type[S], *, file: Path | None = None, flags: Mapping[str, object] | None = None) -> S:
    """Read the settings of one program; flags that are None were not given."""
    given: dict[str, Any] = {key: value for key, value in (flags or {}).items() if value is not None}
    token = _file_values.set(_read(kind, file) if file else {})
    try:
        return kind(**given)
    except ValidationError as error:
        raise ConfigurationError(_describe(error, file)) from None
    finally:
        _file_values.reset(token)


def installed(file: Path) -> Path | None:
    """The settings file of an installed package; None while there is none."""
    try:
        return file if file.exists() else None
    except PermissionError:
        user = file.parent.name
        raise ConfigurationError(
            f"settings file {file}: cannot be read by this user; expected root or {user} (runuser -u {user} -- ...)"
        ) from None


def _read(kind: type[Settings], file: Path) -> dict[str, object]:
    try:
        values = tomllib.loads(file.read_text())
    except FileNotFoundError:
        raise ConfigurationError(f"settings file {file}: not found") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"settings file {file}: {error}") from None
    unknown = sorted(set(values) - set(kind.model_fields))
    if unknown:
        known = ", ".join(sorted(kind.model_fields))
        raise ConfigurationError(f"settings file {file}: unknown key `{unknown[0]}`; known are {known}")
    return values


def _describe(error: ValidationError, file: Path | None) -> str:
    where = f" (file {file})" if file else ""
    lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
    return f"settings{where}: " + "; ".join(lines)
