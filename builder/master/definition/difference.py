"""Changes that applying a definition would bring, as people read them."""

from collections.abc import Mapping
from typing import Any

import yaml
from msgspec import inspect

from builder.master.definition.write import fields, plain, written
from builder.model import Value
from builder.model.difference import ChangeKind, DefinitionChange
from builder.model.package import Package
from builder.model.project import Project


def difference(before: Project | None, after: Project) -> tuple[DefinitionChange, ...]:
    """Return the changes that `after` brings to a farm that has `before`: project, settings, packages."""
    what = f"project {after.project}"
    if before is None:
        settings: tuple[DefinitionChange, ...] = (DefinitionChange(what=what, kind=ChangeKind.ADDED),)
        old: Mapping[str, Package] = {}
    else:
        settings, old = _changed(what, before, after), before.packages
    packages: list[DefinitionChange] = []
    for name in dict.fromkeys([*after.packages, *old]):
        what = f"package {after.project}/{name}"
        if name not in old:
            packages.append(
                DefinitionChange(what=what, kind=ChangeKind.ADDED, after=_text(plain(after.packages[name])))
            )
        elif name not in after.packages:
            packages.append(DefinitionChange(what=what, kind=ChangeKind.REMOVED, before=_text(plain(old[name]))))
        else:
            packages += _changed(what, old[name], after.packages[name])
    return (*settings, *packages)


def _changed(what: str, before: Value, after: Value) -> tuple[DefinitionChange, ...]:
    """Return a change for each field that differs; a project's packages are compared apart."""
    return tuple(
        DefinitionChange(
            what=f"{what}: {field.encode_name}",
            kind=ChangeKind.CHANGED,
            before=_setting(field, before),
            after=_setting(field, after),
        )
        for field in fields(type(after))
        if field.name != "packages" and getattr(before, field.name) != getattr(after, field.name)
    )


def _setting(field: inspect.Field, value: Value) -> str | None:
    part = getattr(value, field.name)
    return None if part is None else _text(written(field.type, part))


def _text(data: Any) -> str:
    """Return data in one line of YAML."""
    text = str(yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False, default_flow_style=True, width=100_000))
    return text.removesuffix("\n").removesuffix("\n...")
