"""The configuration and the arguments of mock: pure text.

One configuration is rendered for each run of mock. Where the host has mock's own configuration of the chroot, that is
included, and only what is ours is added; elsewhere it is whole. mock executes it as Python and expands templates in its
texts, so that every value is written as a literal, and no address can open a template. Inside the keeper's namespaces
the folders have fixed names, whatever they are called outside. Source: mock's documentation of its configuration.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from builder.model import Value
from builder.model.work import ChrootWork
from builder.runner.executors.dnf import BASE_EXPIRES, section

FOLDER = Path("/var/lib/mock")
"""The attempt's folder for mock, inside; its user can reach it there, wherever the slave keeps it."""
CACHE = Path("/var/cache/mock")
"""dnf's cache, inside: the attempt's alone, for as long as it works."""
ROOTS = CACHE / "roots"
"""The cache of the root, inside: that of all attempts with the same settings of the root."""

CONFIG, RESULT, PLUGINS, TRUST = "chroot.cfg", "result", "plugins", "trust.pem"
"""The names of files in the attempt's folder."""
PLUGIN = "farm"
"""The name of our plugin in mock."""
SYSTEM = Path("/etc/mock")
"""The folder of mock's own configurations."""


class Host(Value, frozen=True, kw_only=True):
    """A host, as far as it decides how mock is configured.

    Attributes:
        system: The name of the system's own configuration of the chroot, if there is one.
        zstd: True if there is zstd, which packs the cache of the root many times faster than gzip.
        trust: True if there is a file of certificates for repositories over HTTPS.
    """

    system: str | None = None
    zstd: bool = True
    trust: bool = False


def root_settings(work: ChrootWork, host: Host) -> str:
    """Return the settings that decide what is in a root before BuildRequires; other settings mean another cache."""
    chroot = work.chroot
    lines = [f"include({str(SYSTEM / f'{host.system}.cfg')!r})"] if host.system else _whole(work)
    options: dict[str, object] = {
        "root": chroot.name,
        "basedir": str(FOLDER),
        "cache_topdir": str(CACHE),
        "isolation": "simple",  # systemd-nspawn wants systemd and its control groups; the keeper does without
        "use_bootstrap_image": False,  # which podman would fetch, from a network that is cut
        "print_main_output": True,
        "dnf_warning": False,
    }
    if host.trust:
        options["ssl_extra_certs"] = [f"{FOLDER}/{TRUST}", f"{FOLDER}/{TRUST}"]
    lines += [f"config_opts[{name!r}] = {value!r}" for name, value in options.items()]
    trust = FOLDER / TRUST if host.trust else None
    added = "\n".join(line for one in work.repositories for line in section(one, 0, trust))
    lines += [f"config_opts['dnf.conf'] += {_text(added)!r}"] if added else []
    lines += _plugins(host)
    return "\n".join(lines) + "\n"


def configuration(work: ChrootWork, host: Host, dist: str, *, asks: bool) -> str:
    """Return the whole configuration; if it `asks`, mock waits when the root is complete, before it builds."""
    defined = {f"%{name}": value for name, value in work.options.defined.items()}
    options = {**defined, "%dist": dist, "%_buildhost": "builder"}
    lines = [
        f"config_opts['macros'].update({options!r})",
        f"config_opts['rpmbuild_networking'] = {work.network!r}",
        f"config_opts['use_host_resolv'] = {work.network!r}",
        # mock looks for plugins in one folder: here it has its own and ours.
        "import os",
        f"plugins = {str(FOLDER / PLUGINS)!r}",
        "for name in os.listdir(config_opts['plugin_dir']):",
        "    if not os.path.lexists(os.path.join(plugins, name)):",
        "        os.symlink(os.path.join(config_opts['plugin_dir'], name), os.path.join(plugins, name))",
        "config_opts['plugin_dir'] = plugins",
        f"config_opts['plugins'] = [*config_opts['plugins'], {PLUGIN!r}]",
        f"config_opts['plugin_conf']['{PLUGIN}_enable'] = True",
        f"config_opts['plugin_conf']['{PLUGIN}_opts'] = {{'asks': {str(FOLDER) if asks else ''!r}}}",
    ]
    # What is built in a root that an earlier run has left finds there what that has installed.
    lines += [] if asks else ["config_opts['static_buildrequires_max_loops'] = 1"]
    return root_settings(work, host) + "\n".join(lines) + "\n"


def root_digest(work: ChrootWork, host: Host) -> str:
    """Return a digest that tells roots apart, short enough for a folder's name."""
    return hashlib.sha256(root_settings(work, host).encode()).hexdigest()[:16]


def command(mock: str, attempt: str, srpm: str, *, again: bool) -> list[str]:
    """Return the arguments of mock to build `srpm`, in the attempt's folder.

    With `again`, it builds in the root that an earlier run left.
    """
    options = [f"--root={FOLDER}/{CONFIG}", f"--uniqueext={attempt}", f"--resultdir={FOLDER}/{RESULT}"]
    kept = ["--no-clean"] if again else []
    return [mock, *options, *kept, "--no-cleanup-after", "--rebuild", f"{FOLDER}/{srpm}"]


def tree(chroot: str, attempt: str) -> str:
    """Return the path of the root below the attempt's folder."""
    return f"{chroot}-{attempt}/root"


def kept(keeper: Sequence[str], mock: Sequence[str], mounts: Sequence[tuple[Path, Path]], *, cut: bool) -> list[str]:
    """Return the command `mock` under the keeper, with each of these places mounted over another.

    See `builder.runner.executors.keeper`.
    """
    places = [str(path) for mount in mounts for path in mount]
    return [*keeper, "cut" if cut else "open", *places, "--", *mock]


def _whole(work: ChrootWork) -> list[str]:
    chroot = work.chroot
    main = [
        "[main]",
        "keepcache=1",
        "reposdir=/dev/null",
        "logfile=/var/log/yum.log",
        "assumeyes=1",
        "best=1",
        "gpgcheck=0",
        "install_weak_deps=0",
        "obsoletes=1",
        "plugins=1",
        "skip_if_unavailable=0",
        "timeout=30",
    ]
    for repository in chroot.repositories:
        main += section(repository, 0 if repository.url.startswith("file://") else BASE_EXPIRES, None)
    options: dict[str, object] = {
        "target_arch": chroot.architecture,
        "legal_host_arches": (chroot.architecture,),
        "releasever": chroot.version,
        "package_manager": "dnf",
        "use_bootstrap": False,
        "chroot_setup_cmd": ("install", *chroot.packages),
        "dnf.conf": _text("\n".join(main) + "\n"),
    }
    return [f"config_opts[{name!r}] = {value!r}" for name, value in options.items()]


def _plugins(host: Host) -> list[str]:
    options: dict[str, object] = {"root_cache_enable": True, "hw_info_enable": False, "package_state_enable": False}
    lines = [f"config_opts['plugin_conf'][{name!r}] = {value!r}" for name, value in options.items()]
    cache = {"dir": str(ROOTS), **({"compress_program": "zstd", "extension": ".zst"} if host.zstd else {})}
    return [*lines, f"config_opts['plugin_conf']['root_cache_opts'].update({cache!r})"]


def _text(text: str) -> str:
    """Return `text` in which no template begins: a brace that could open one is written as addresses write it."""
    return re.sub(r"\{(?=[{%#])", "%7B", text)
