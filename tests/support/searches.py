"""Where something stands that should stand nowhere: in files, and in what the kernel tells of processes."""

from pathlib import Path


def holders(folder: Path, *values: str) -> list[Path]:
    """The files below `folder` that hold any of these."""
    found = []
    for path in folder.rglob("*"):
        try:
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                found += [path] if any(value.encode() in content for value in values) else []
        except FileNotFoundError:  # gone meanwhile
            continue
    return found


def seen_anywhere(*values: str) -> list[str]:
    """The files of /proc with the arguments or the environment of a process in which any of these stands."""
    found = []
    for name in ("cmdline", "environ"):
        for path in Path("/proc").glob(f"[0-9]*/{name}"):
            try:
                content = path.read_bytes()
            except OSError:
                continue
            found += [str(path)] if any(value.encode() in content for value in values) else []
    return found
