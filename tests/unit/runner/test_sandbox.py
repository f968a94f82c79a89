from pathlib import Path

from builder.runner import sandbox

HOME, TREE = Path("/state/home"), Path("/state/root")
LINKS = [("/bin", "usr/bin")]


def bound(command: list[str], option: str) -> list[tuple[str, str]]:
    """The pairs that follow an option."""
    return [(command[at + 1], command[at + 2]) for at, word in enumerate(command) if word == option]


def test_the_host_is_read_only_and_alone() -> None:
    """A spec is parsed without network, with nothing to write to, and dies with its parent."""
    command = sandbox.on_host(["rpmspec", "-P", "a.spec"], HOME, LINKS)
    assert command[-3:] == ["rpmspec", "-P", "a.spec"]
    assert {"--unshare-all", "--die-with-parent", "--clearenv", "--new-session"} <= set(command)
    assert "--share-net" not in command
    assert bound(command, "--bind") == []
    assert ("/state/home", "/builddir") in bound(command, "--ro-bind")
    assert ("usr/bin", "/bin") in bound(command, "--symlink")
    assert not {"/", "/root", "/home", "/etc"} & {place for place, _ in bound(command, "--ro-bind")}


def test_the_accounts_of_the_host_are_not_seen() -> None:
    """rpm writes the names of a source's owners into the SRPM; they are nobody's of this host."""
    command = sandbox.on_host(["rpmbuild"], HOME, LINKS)
    assert not {"/etc/passwd", "/etc/group"} & {place for _, place in bound(command, "--ro-bind-try")}


def test_what_may_be_written_on_the_host_is_named() -> None:
    """Only these folders of its home."""
    command = sandbox.on_host(["rpmbuild"], HOME, LINKS, ["SRPMS"])
    assert bound(command, "--bind") == [("/state/home/SRPMS", "/builddir/SRPMS")]


def test_a_tree_is_read_only_to_its_build() -> None:
    """A build writes to its home and its temporary folder alone."""
    command = sandbox.in_tree(["rpmbuild"], TREE, HOME, Path("/state/tmp"), accounts=Path("/state/accounts"))
    assert ("/state/root", "/") in bound(command, "--ro-bind")
    assert {place for place, _ in bound(command, "--bind")} == {"/state/home", "/state/tmp"}
    assert "--unshare-all" in command
    assert "--share-net" not in command


def test_the_network_is_there_only_when_asked_for() -> None:
    """With it comes the host's resolver."""
    command = sandbox.in_tree(
        ["rpmbuild"], TREE, HOME, Path("/state/tmp"), accounts=Path("/state/accounts"), network=True
    )
    assert "--share-net" in command
    assert ("/etc/resolv.conf", "/etc/resolv.conf") in bound(command, "--ro-bind")


def test_installing_has_the_hosts_programs_and_what_it_is_given() -> None:
    """dnf may write to the tree, its own folder and its cache; what else the host has is not there."""
    command = sandbox.installing(
        ["dnf"], TREE, HOME, LINKS, readable=[Path("/srv/repository")], writable=[Path("/state/cache")]
    )
    assert {place for place, _ in bound(command, "--bind")} == {"/state/root", "/state/home", "/state/cache"}
    assert {place for place, _ in bound(command, "--ro-bind")} == {"/usr", "/proc/sys"}
    read = {place for place, _ in bound(command, "--ro-bind-try")}
    assert "/srv/repository" in read
    assert not {"/", "/root", "/home", "/etc", "/etc/builder", "/var", "/run", "/state"} & read
    assert "--dev-bind" not in command


def test_installing_cannot_mount_or_make_devices() -> None:
    """Root in the sandbox has what it takes to fill a tree; the other capabilities would lead out."""
    command = sandbox.installing(["dnf"], TREE, HOME, LINKS)
    assert command[command.index("--cap-drop") + 1] == "ALL"
    kept = {command[at + 1] for at, word in enumerate(command) if word == "--cap-add"}
    assert {"CAP_CHOWN", "CAP_SYS_CHROOT"} <= kept
    assert not {"CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_SYS_PTRACE", "CAP_NET_ADMIN", "CAP_SYS_MODULE"} & kept


def test_an_ordinary_user_needs_a_user_namespace() -> None:
    """Root does not."""
    assert sandbox.as_owner(["true"], 0) == ["true"]
    assert sandbox.as_owner(["true"], 1000) == ["unshare", "--user", "--map-root-user", "--map-auto", "--", "true"]
