"""A small RPM distribution made from a Debian host's own files.

Building packages needs a distribution of packages to build them in, and a machine without RPM repositories has none.
This makes one: each installed Debian package that a C build root needs becomes an RPM with the same name, files and
dependencies, and what belongs to no package (links, accounts, macros) becomes an RPM of its own. It needs no network
and about ten seconds, and is kept until the host's packages change. It is for trying the farm out and for its tests:
what is built in it runs in it.

`dpkg` reads what is installed, `packages` decides what each RPM holds, `filesystem` makes what belongs to no package,
`spec` renders all that for rpmbuild, `repository` has it built and defines the chroot, `cache` keeps the result, and
`command` is the command line. Standard library only: it runs before anything is installed.
"""
