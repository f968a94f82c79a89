"""Command lines that confine what packages and specs run: bubblewrap, and user namespaces for ordinary users.

Three places to run a program in, all of which end with the process that started them:

* `on_host`: this host's own programs on a spec of unknown origin: system folders read-only, no network, no secrets.
* `installing`: dnf, which fills the tree of a build root; the host is read-only, the tree and a cache are not.
* `in_tree`: a build in that tree, which is read-only, without network unless it is asked for.

A tree has files of many owners. Root can make them; an ordinary user needs a user namespace onto which newuidmap and
newgidmap map the user's ranges of /etc/subuid and /etc/subgid: see `as_owner`. Sources: bwrap(1), unshare(1).
"""

import os
from collections.abc import Sequence
from pathlib import Path

HOME = "/builddir"
PATHS = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
NAME = "builder"
"""Of the user and of the host, inside."""
UID = "1000"

MOUNT_POINTS = ("builddir", "dev", "etc", "proc", "sys", "tmp", "var/tmp")
"""What a tree needs before anything can be mounted over it."""
RESOLVER = "/etc/resolv.conf"
"""Of the host; a tree for builds with the network needs a file there to mount it over."""
NOT_INSTALLED = "/dev:/proc:/sys"
"""Folders that rpm leaves alone while it fills a tree: they are mounted, and not to be changed."""

_HOST_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_HOST_SETTINGS = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/os-release",
    "/etc/rpm",
)
"""Its accounts are not among them: rpm would write into an SRPM who of this host has the number of our user."""

_ALWAYS = ("bwrap", "--die-with-parent", "--new-session", "--clearenv")
_ENVIRONMENT = ("--setenv", "PATH", PATHS, "--setenv", "LANG", "C.UTF-8")
_CONFINED = (
    *_ALWAYS,
    "--unshare-all",
    "--hostname",
    NAME,
    "--uid",
    UID,
    "--gid",
    UID,
    *_ENVIRONMENT,
    *("--setenv", "HOME", HOME, "--setenv", "USER", NAME, "--setenv", "LOGNAME", NAME),
)


def as_owner(command: Sequence[str], user: int) -> list[str]:
    """`command` where files may have any owner: as it is for root, in a mapped user namespace for others."""
    if user == 0:
        return list(command)
    return ["unshare", "--user", "--map-root-user", "--map-auto", "--", *command]


def on_host(
    command: Sequence[str], home: Path, links: Sequence[tuple[str, str]], writable: Sequence[str] = ()
) -> list[str]:
    """`command` with the host's programs; `home` is its `HOME`, of which it may write to the folders `writable`.

    What it may write to is never followed afterwards without a look: it may have put a link there. `links` are those of
    the host's top folders that are symbolic links, with their targets (see `host_links`).
    """
    return [
        *_CONFINED,
        *("--ro-bind", "/usr", "/usr"),
        *(word for name, target in links for word in ("--symlink", target, name)),
        *(word for name in _HOST_FOLDERS if name not in dict(links) for word in ("--ro-bind-try", name, name)),
        *(word for name in _HOST_SETTINGS for word in ("--ro-bind-try", name, name)),
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp"),  # noqa: S108 - inside
        *("--ro-bind", str(home), HOME, "--chdir", HOME),
        *(word for name in writable for word in ("--bind", f"{home}/{name}", f"{HOME}/{name}")),
        *command,
    ]


def host_links() -> list[tuple[str, str]]:
    """The top folders of this host that are symbolic links, where `/bin` and the like are merged into `/usr`."""
    return [(name, os.readlink(name)) for name in _HOST_FOLDERS if os.path.islink(name)]  # noqa: PTH114, PTH115


def installing(command: Sequence[str], tree: Path, home: Path, writable: Sequence[Path]) -> list[str]:
    """`command` that fills `tree`, as the owner of everything in it and with the network."""
    return [
        *_ALWAYS,
        *("--unshare-ipc", "--unshare-pid", "--unshare-uts"),
        *_ENVIRONMENT,
        *("--setenv", "HOME", str(home), "--setenv", "TMPDIR", str(home)),
        *("--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc"),
        *(word for path in (tree, home, *writable) for word in ("--bind", str(path), str(path))),
        *("--dev", f"{tree}/dev", "--proc", f"{tree}/proc"),
        *command,
    ]


def in_tree(
    command: Sequence[str], tree: Path, home: Path, temporary: Path, *, accounts: Path, network: bool = False
) -> list[str]:
    """`command` in `tree`; it may write to `home`, which it sees as `HOME`, and to `temporary` as /tmp and /var/tmp.

    `accounts` holds the `passwd` and `group` to be seen. With `network`, it has the host's network and resolver.
    """
    resolver = ("--share-net", "--ro-bind", RESOLVER, RESOLVER) if network else ()
    return [
        *_CONFINED,
        *("--ro-bind", str(tree), "/", "--proc", "/proc", "--dev", "/dev"),
        *("--bind", str(temporary), "/tmp", "--bind", str(temporary), "/var/tmp"),  # noqa: S108 - inside
        *(word for name in ("passwd", "group") for word in ("--ro-bind", f"{accounts}/{name}", f"/etc/{name}")),
        *resolver,
        *("--bind", str(home), HOME, "--chdir", HOME),
        *command,
    ]
