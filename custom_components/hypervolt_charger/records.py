"""Records as JSON: the one form of everything the integration has on disk.

The stored form of a dataclass follows from its type hints, so that a new field needs
nothing but a default: integers, finite numbers, truth values, text, aware datetimes,
text enumerations, tuples, optional values and other dataclasses. A record is valid as a
whole or not at all, unless the codec tolerates single fields. Nothing here depends on
Home Assistant.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
import math
from types import UnionType
from typing import (
    Any,
    Final,
    Generic,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

ValueT = TypeVar("ValueT")

# What Home Assistant's encoder can write: it refuses larger ones.
_MOST: Final = 2**63 - 1
# Moments outside could not be shown in every time zone.
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9000


class RecordError(ValueError):
    """Stored JSON is not the record it should be."""

    def __init__(self, path: str, reason: str) -> None:
        """Name the part that is wrong by its path, which is empty for the whole."""
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded(Generic[ValueT]):
    """What was valid in stored JSON, and the paths of what was not."""

    value: ValueT
    invalid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Generic[ValueT]):
    """The stored form of a type; `decode` raises ValueError for anything else."""

    encode: Callable[[ValueT], Json]
    decode: Callable[[Json], ValueT]


# Takes what is stored, its path, and the paths of invalid parts to add to.
_Decode: TypeAlias = Callable[[Json, str, list[str]], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Coder:
    encode: Callable[[Any], Json]
    decode: _Decode


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A stored field of a dataclass."""

    name: str
    coder: _Coder
    has_default: bool
    tolerated: bool


class Codec:
    """Encodes and decodes dataclasses.

    `forms` are the forms of types that need one of their own. `tolerant` names
    dataclasses in which an invalid field falls back to its default, each with the
    fields that must be valid nevertheless.
    """

    def __init__(
        self,
        *,
        forms: Mapping[object, Form[Any]] | None = None,
        tolerant: Mapping[type, Collection[str]] | None = None,
    ) -> None:
        """Keep the rules; a dataclass is examined when it is first met."""
        self._tolerant = tolerant or {}
        self._coders: dict[object, _Coder] = {
            **_SCALARS,
            **{hint: _form_coder(form) for hint, form in (forms or {}).items()},
        }

    def encode(self, value: object) -> Json:
        """Return a dataclass as JSON."""
        return self._coder(type(value)).encode(value)

    def encode_each(self, values: Collection[object]) -> list[Json]:
        """Return dataclasses as JSON."""
        return [self.encode(value) for value in values]

    def decode(self, kind: type[ValueT], stored: Json) -> Decoded[ValueT]:
        """Return a dataclass of this type; RecordError if it is not one."""
        invalid: list[str] = []
        value = self._coder(kind).decode(stored, "", invalid)
        return Decoded(value=cast("ValueT", value), invalid=tuple(invalid))

    def decode_each(
        self, kind: type[ValueT], stored: Json
    ) -> Decoded[tuple[ValueT, ...]]:
        """Return the valid ones of a list; RecordError if it is not a list."""
        if not isinstance(stored, list):
            raise RecordError("", "is not a list")
        decode = self._coder(kind).decode
        values: list[object] = []
        invalid: list[str] = []
        for number, item in enumerate(stored):
            try:
                values.append(decode(item, f"[{number}]", invalid))
            except RecordError as error:
                invalid.append(error.path)
        return Decoded(
            value=cast("tuple[ValueT, ...]", tuple(values)), invalid=tuple(invalid)
        )

    def _coder(self, hint: object) -> _Coder:
        if (known := self._coders.get(hint)) is not None:
            return known
        coder = self._coders[hint] = self._new_coder(hint)
        return coder

    def _new_coder(self, hint: object) -> _Coder:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin in (Union, UnionType) and len(arguments) == 2:
            (inner,) = (item for item in arguments if item is not type(None))
            return _optional_coder(self._coder(inner))
        if origin is tuple and arguments[1:] == (...,):
            return _tuple_coder(self._coder(arguments[0]))
        if isinstance(hint, type):
            if issubclass(hint, StrEnum):
                return _enum_coder(hint)
            if is_dataclass(hint):
                return self._dataclass_coder(hint)
        raise TypeError(f"{hint} has no stored form")

    def _dataclass_coder(self, kind: type) -> _Coder:
        hints = get_type_hints(kind)
        must_be_valid = self._tolerant.get(kind)
        members = []
        for item in fields(kind):
            has_default = _has_default(item)
            members.append(
                _Member(
                    name=item.name,
                    coder=self._coder(hints[item.name]),
                    has_default=has_default,
                    tolerated=has_default
                    and must_be_valid is not None
                    and item.name not in must_be_valid,
                )
            )
        return _Coder(
            encode=partial(_encode_dataclass, members),
            decode=partial(_decode_dataclass, kind, members),
        )


def _has_default(item: Field[Any]) -> bool:
    return item.default is not MISSING or item.default_factory is not MISSING


# Dataclasses ----------------------------------------------------------------------


def _encode_dataclass(members: list[_Member], value: object) -> Json:
    return {
        member.name: member.coder.encode(getattr(value, member.name))
        for member in members
    }


def _decode_dataclass(
    kind: type, members: list[_Member], stored: Json, path: str, invalid: list[str]
) -> object:
    """Return the dataclass; members that are not known come from a later version."""
    if not isinstance(stored, dict):
        raise RecordError(path, "is not an object")
    values: dict[str, object] = {}
    for member in members:
        below = f"{path}.{member.name}" if path else member.name
        if member.name not in stored:
            if not member.has_default:
                raise RecordError(below, "is missing")
            continue
        try:
            values[member.name] = member.coder.decode(
                stored[member.name], below, invalid
            )
        except RecordError as error:
            if not member.tolerated:
                raise
            invalid.append(error.path)
    return _made(path, kind, **values)


def _made(path: str, make: Callable[..., object], *args: Any, **kwargs: Any) -> object:
    try:
        return make(*args, **kwargs)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise RecordError(path, str(error)) from error


# Composed values ------------------------------------------------------------------


def _optional_coder(inner: _Coder) -> _Coder:
    def encode(value: Any) -> Json:
        return None if value is None else inner.encode(value)

    def decode(stored: Json, path: str, invalid: list[str]) -> object:
        return None if stored is None else inner.decode(stored, path, invalid)

    return _Coder(encode=encode, decode=decode)


def _tuple_coder(inner: _Coder) -> _Coder:
    def encode(values: tuple[Any, ...]) -> Json:
        return [inner.encode(value) for value in values]

    def decode(stored: Json, path: str, invalid: list[str]) -> object:
        if not isinstance(stored, list):
            raise RecordError(path, "is not a list")
        return tuple(
            inner.decode(item, f"{path}[{number}]", invalid)
            for number, item in enumerate(stored)
        )

    return _Coder(encode=encode, decode=decode)


def _enum_coder(kind: type[StrEnum]) -> _Coder:
    def decode(stored: Json, path: str, _invalid: list[str]) -> object:
        return _made(path, kind, _text(stored, path))

    return _Coder(encode=lambda value: str(value.value), decode=decode)


def _form_coder(form: Form[Any]) -> _Coder:
    def decode(stored: Json, path: str, _invalid: list[str]) -> object:
        return _made(path, form.decode, stored)

    return _Coder(encode=form.encode, decode=decode)


# Scalars --------------------------------------------------------------------------
# What JSON can't hold is written as null: one bad number must not keep all the others
# from being saved, and is invalid when it is read.


def _encode_integer(value: int) -> Json:
    return value if abs(value) <= _MOST else None


def _encode_number(value: float) -> Json:
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # an integer in its place
        return None


def _encode_text(value: str) -> Json:
    # Plain text also of an enumeration; half a character can't be written.
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _integer(stored: Json, path: str, _invalid: list[str]) -> object:
    if isinstance(stored, bool) or not isinstance(stored, int) or abs(stored) > _MOST:
        raise RecordError(path, "is not an integer")
    return stored


def _number(stored: Json, path: str, _invalid: list[str]) -> object:
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        raise RecordError(path, "is not a number")
    number = _made(path, float, stored)
    if not isinstance(number, float) or not math.isfinite(number):
        raise RecordError(path, "is not a finite number")
    return number


def _truth(stored: Json, path: str, _invalid: list[str]) -> object:
    if not isinstance(stored, bool):
        raise RecordError(path, "is not a truth value")
    return stored


def _text(stored: Json, path: str) -> str:
    if not isinstance(stored, str):
        raise RecordError(path, "is not text")
    # Half a character could not be written again.
    _made(path, stored.encode)
    return stored


def _decode_text(stored: Json, path: str, _invalid: list[str]) -> object:
    return _text(stored, path)


def _moment(stored: Json, path: str, _invalid: list[str]) -> object:
    moment = _made(path, datetime.fromisoformat, _text(stored, path))
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise RecordError(path, "has no time zone")
    utc = _made(path, moment.astimezone, UTC)
    if not isinstance(utc, datetime) or not _FIRST_YEAR <= utc.year <= _LAST_YEAR:
        raise RecordError(path, "is not a possible time")
    return utc


_SCALARS: Final[Mapping[object, _Coder]] = {
    bool: _Coder(encode=lambda value: value, decode=_truth),
    int: _Coder(encode=_encode_integer, decode=_integer),
    float: _Coder(encode=_encode_number, decode=_number),
    str: _Coder(encode=_encode_text, decode=_decode_text),
    datetime: _Coder(encode=datetime.isoformat, decode=_moment),
}
