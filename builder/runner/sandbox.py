"""Command lines that confine what packages and specs run: bubblewrap, and user namespaces for ordinary users.

Three places to run a program in, all of which end with the process that started them:

* `on_host`: this host's own programs on a spec of unknown origin: system folders read-only, no network, no secrets.
* `installing`: dnf, which fills the tree of a build root and runs the scriptlets of packages: the same folders, and the
  network.
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
"""The name of the user and of the host, inside."""
UID = "1000"

MOUNT_POINTS = ("builddir", "dev", "etc", "proc", "sys", "tmp", "var/tmp")
"""The places in a tree over which something is mounted."""
RESOLVER = "/etc/resolv.conf"
"""The host's resolver file; a tree for builds with the network needs a file there to mount it over."""
MOUNTED_FILES = ("etc/group", "etc/passwd", "etc/resolv.conf")
"""The files of a tree over which something is mounted, or may be."""
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
"""The host's settings that programs see. Its accounts are not among them: rpm would write into an SRPM who of this host
has the number of our user.
"""

_NETWORK_SETTINGS = (
    RESOLVER,
    "/etc/crypto-policies",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
)
"""Files by which names are resolved, and certificates are believed; none of it is secret."""
_OWNER = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETFCAP", "SETGID", "SETUID", "SYS_CHROOT")
"""The capabilities by which rpm and scriptlets fill a tree; with those that mount, make devices or reach the kernel's
settings, they could leave the sandbox of a slave that runs as root. Source: capabilities(7).
"""

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
    """Return `command` for a place where files may have any owner.

    Root runs it as it is, others run it in a mapped user namespace.
    """
    if user == 0:
        return list(command)
    return ["unshare", "--user", "--map-root-user", "--map-auto", "--", *command]


def on_host(
    command: Sequence[str], home: Path, links: Sequence[tuple[str, str]], writable: Sequence[str] = ()
) -> list[str]:
    """Return `command` with the host's programs; `home` is its `HOME`, of which `writable` names the writable folders.

    A place that it may write to is never followed afterwards without a look: it may have put a link there. `links`
    are those of the host's top folders that are symbolic links, with their targets (see `host_links`).
    """
    return [
        *_CONFINED,
        *_programs(links),
        *("--ro-bind", str(home), HOME, "--chdir", HOME),
        *(word for name in writable for word in ("--bind", f"{home}/{name}", f"{HOME}/{name}")),
        *command,
    ]


def host_links() -> list[tuple[str, str]]:
    """Return the host's top folders that are symbolic links, where `/bin` and the like are merged into `/usr`."""
    return [(name, os.readlink(name)) for name in _HOST_FOLDERS if os.path.islink(name)]  # noqa: PTH114, PTH115


def installing(
    command: Sequence[str],
    tree: Path,
    home: Path,
    links: Sequence[tuple[str, str]],
    *,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
) -> list[str]:
    """Return `command` that fills `tree`, as the owner of everything in it and with the network.

    A scriptlet is kept in the tree by chroot(2) alone, which root can leave: so there is nothing to be found outside
    but the host's programs, `home` and the paths `readable` and `writable`, each in its own place.
    """
    return [
        *_ALWAYS,
        *("--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"),
        *("--cap-drop", "ALL", *(word for name in _OWNER for word in ("--cap-add", f"CAP_{name}"))),
        *_ENVIRONMENT,
        *("--setenv", "HOME", str(home), "--setenv", "TMPDIR", str(home)),
        *_programs(links),
        *(word for name in _NETWORK_SETTINGS for word in ("--ro-bind-try", name, name)),
        *(word for path in readable for word in ("--ro-bind-try", str(path), str(path))),
        *(word for path in (tree, home, *writable) for word in ("--bind", str(path), str(path))),
        *_kernel(f"{tree}/"),
        *command,
    ]


def _programs(links: Sequence[tuple[str, str]]) -> list[str]:
    """Return the host's programs with their settings, and the folders that they expect, as arguments of bwrap."""
    return [
        *("--ro-bind", "/usr", "/usr"),
        *(word for name, target in links for word in ("--symlink", target, name)),
        *(word for name in _HOST_FOLDERS if name not in dict(links) for word in ("--ro-bind-try", name, name)),
        *(word for name in _HOST_SETTINGS for word in ("--ro-bind-try", name, name)),
        *_kernel("/"),
        *("--tmpfs", "/tmp", "--tmpfs", "/var/tmp"),  # noqa: S108 - inside
    ]


def _kernel(root: str) -> list[str]:
    """Return a /proc and a /dev of the sandbox's own below `root`, as arguments of bwrap.

    A process that is root outside may write to /proc/sys, the whole host's, with any number and without any
    capability: proc(5).
    """
    return ["--proc", f"{root}proc", "--ro-bind", "/proc/sys", f"{root}proc/sys", "--dev", f"{root}dev"]


def in_tree(
    command: Sequence[str], tree: Path, home: Path, temporary: Path, *, accounts: Path, network: bool = False
) -> list[str]:
    """Return `command` in `tree`, where it may write to `home`, which is its `HOME`, and to `temporary`.

    The latter is its /tmp and /var/tmp. `accounts` holds the `passwd` and `group` to be seen. With `network`, it has
    the host's network and resolver.
    """
    resolver = ("--share-net", "--ro-bind", RESOLVER, RESOLVER) if network else ()
    return [
        *_CONFINED,
        *("--ro-bind", str(tree), "/"),
        *_kernel("/"),
        *("--bind", str(temporary), "/tmp", "--bind", str(temporary), "/var/tmp"),  # noqa: S108 - inside
        *(word for name in ("passwd", "group") for word in ("--ro-bind", f"{accounts}/{name}", f"/etc/{name}")),
        *resolver,
        *("--bind", str(home), HOME, "--chdir", HOME),
        *command,
    ]
