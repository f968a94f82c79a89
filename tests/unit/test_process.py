import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.process import Interrupts, run


class StoppedError(Exception):
    """What a test interrupts with."""


@pytest.fixture
def output(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "output", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def python(code: str, interrupts: Interrupts, output: int, folder: Path) -> int:
    command = [sys.executable, "-I", "-S", "-c", code]
    return run(command, interrupts, output=output, errors=output, folder=folder, environment=os.environ)


def said(output: int) -> str:
    return os.pread(output, 10_000, 0).decode()


def test_a_program_says_into_the_descriptor_and_its_code_comes_back(tmp_path: Path, output: int) -> None:
    """It works in the folder it is given, without input."""
    code = "import os, sys; print(os.getcwd(), repr(sys.stdin.read())); sys.exit(7)"
    assert python(code, Interrupts(), output, tmp_path) == 7
    assert said(output) == f"{tmp_path} ''\n"


def test_a_program_that_is_not_there_is_told(tmp_path: Path, output: int) -> None:
    """By the system's own error."""
    with pytest.raises(FileNotFoundError):
        run(["/nonexistent"], Interrupts(), output=output, errors=output, folder=tmp_path, environment={})


def test_an_interrupt_takes_the_whole_group(tmp_path: Path, output: int) -> None:
    """When the wait is interrupted, the program is dead and so is what it started."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    interrupts = Interrupts()
    interrupts.on(signal.SIGALRM, StoppedError)
    code = "import os, time; os.fork(); print('up', flush=True); time.sleep(1000)"
    stopper = threading.Thread(target=_signal_when, args=(output, "up\nup\n"))
    stopper.start()
    with pytest.raises(StoppedError):
        python(code, interrupts, output, tmp_path)
    stopper.join()
    os.close(writing)
    assert os.read(reading, 1) == b""  # nobody holds the other end any more
    os.close(reading)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _signal_when(output: int, text: str) -> None:
    while said(output) != text:
        pass
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)


def test_nothing_is_raised_while_it_is_held() -> None:
    """What comes meanwhile is raised at the end, and the first of it counts."""
    interrupts = Interrupts()
    reached = False

    def hold() -> None:
        nonlocal reached
        with interrupts.held():
            interrupts.interrupt(StoppedError("first"))
            interrupts.interrupt(StoppedError("second"))
            reached = True

    with pytest.raises(StoppedError, match="first"):
        hold()
    assert reached


def test_nothing_is_raised_after_the_end() -> None:
    """Clearing up is not interrupted."""
    interrupts = Interrupts()
    interrupts.end()
    interrupts.interrupt(StoppedError())
    with interrupts.held():
        pass


ADOPTING = """
import os, signal, sys
from builder.process import Interrupts, run
class Stopped(Exception): pass
interrupts = Interrupts()
interrupts.adopt_orphans()
interrupts.on(signal.SIGALRM, Stopped)
signal.setitimer(signal.ITIMER_REAL, 0.2, float(sys.argv[2]))
code = "import os, time; os.fork() or os.setsid(); time.sleep(1000)"
try:
    command = [sys.executable, "-I", "-S", "-c", code]
    run(command, interrupts, output=int(sys.argv[1]), errors=2, folder="/", environment=os.environ)
except Stopped:
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.exit(0)
sys.exit(1)
"""


LEAVING = """
import os, sys
from builder.process import Interrupts, run
interrupts = Interrupts()
interrupts.adopt_orphans()
code = "import os, time; os.fork() or (os.setsid(), time.sleep(1000))"
command = [sys.executable, "-I", "-S", "-c", code]
run(command, interrupts, output=1, errors=2, folder="/", environment=os.environ)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("nothing is left")
"""


def test_what_a_program_leaves_behind_ends_with_it() -> None:
    """Nothing runs on that could change what was made, once this process adopts orphans."""
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "nothing is left\n"


@pytest.mark.parametrize("every", [0.0, 0.0005])
def test_what_has_left_the_group_is_killed_too(every: float) -> None:
    """A descendant with a session of its own dies with the work, however often the killing is interrupted."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", ADOPTING, str(writing), str(every)], os.environ)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert select.select([reading], [], [], 10.0)[0], "somebody still holds the other end"
    os.close(reading)


def test_what_interrupts_is_raised_once() -> None:
    """What comes while its exception is on its way finds the program clearing up."""
    interrupts = Interrupts()
    with pytest.raises(StoppedError, match="first"):
        interrupts.interrupt(StoppedError("first"))
    interrupts.interrupt(StoppedError("second"))


def test_no_child_is_started_after_an_interrupt(tmp_path: Path, output: int) -> None:
    """Whoever overlooked the exception meets it again, and the child is dead."""
    interrupts = Interrupts()
    with pytest.raises(StoppedError):
        interrupts.interrupt(StoppedError())
    with pytest.raises(StoppedError):
        python("import time; time.sleep(1000)", interrupts, output, tmp_path)


ACCOMPANIED = """
import os, sys
from builder.process import Companion, Interrupts, run
asking, answering = sys.argv[1:]
interrupts = Interrupts()
interrupts.adopt_orphans()
python = [sys.executable, "-I", "-S", "-c"]
waits = f"open({asking!r}, 'w').write('?'); import sys; sys.exit(int(open({answering!r}).read()))"
settings = dict(output=1, folder="/", environment=os.environ)
companion = Companion([*python, waits], interrupts, **settings)
question = os.open(asking, os.O_RDONLY | os.O_NONBLOCK)
assert companion.asks(question)
leaves = "import os, time; os.fork() or (os.setsid(), time.sleep(1000))"
assert run([*python, leaves], interrupts, errors=2, **settings) == 0
"""


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("open(answering, 'w').write('7'); print(companion.end())", "7"),
        ("companion.kill(); companion.kill(); print(companion.end())", "-9"),
        ("open(answering, 'w').write('0'); print(companion.asks(question))", "False"),
    ],
)
def test_a_companion_waits_while_others_are_run(then: str, said: str, tmp_path: Path) -> None:
    """It lives on when what others have left is killed, and ends as it is told to, or is made to."""
    pipes = [tmp_path / "asking", tmp_path / "answering"]
    for pipe in pipes:
        os.mkfifo(pipe)
    command = [sys.executable, "-c", f"{ACCOMPANIED}{then}", *map(str, pipes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"{said}\n"
