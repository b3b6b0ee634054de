"""Pages say nothing that is not there: commands, links, files; and nothing of one machine."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from busbar.cli.main import cli

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "images").glob("*.md")),
]
OTHER_COMMANDS = frozenset(
    {"kubectl", "aws", "export", "eval", "docker", "python", "source", "cd", "git", "less"}
)
"""Commands of other projects that pages may show, and words of the shell."""
FOLDERS = ("./", ".venv/bin/", "bench/", "scripts/", "studies/")
"""Where commands of this project's own lie."""


def code_lines(page: Path) -> Iterator[str]:
    """Give the commands of a page's code blocks: unlabelled, console and sh ones."""
    blocks = re.findall(
        r"^```(?:sh|console)?\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE
    )
    for block in blocks:
        for line in block.splitlines():
            yield line.removeprefix("$ ").strip()


def commands(page: Path) -> Iterator[list[str]]:
    """Give each command line of a page as words; output of commands is not among them."""
    known = {"busbar", *OTHER_COMMANDS}
    for line in code_lines(page):
        first = line.split(" ", 1)[0]
        if first in known or first.startswith(FOLDERS):
            yield shlex.split(line, comments=True)


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """Find the command that words name; gives it and the words that are left."""
    command: click.Command = cli
    context = click.Context(cli)
    rest = list(words)
    while isinstance(command, click.Group):
        while rest and rest[0].startswith("-"):
            takes_value = not rest[0].startswith("--") or "=" not in rest[0]
            rest = rest[2 if takes_value else 1 :]
        if command.invoke_without_command and not any(map(command.commands.get, rest)):
            return command, words
        assert rest, f"busbar {' '.join(words)}: no command"
        found = command.get_command(context, rest[0])
        assert found is not None, f"busbar {' '.join(words)}: there is no command {rest[0]}"
        command, rest = found, rest[1:]
    return command, rest


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_shown_exists_with_its_options(page: Path) -> None:
    for words in commands(page):
        program = words[0]
        if program in ("busbar", ".venv/bin/busbar") and words[1:] != ["[OPTIONS]"]:
            command, rest = resolve(words[1:])
            known = {name for param in command.params for name in param.opts}
            options = [w.split("=")[0] for w in rest if re.fullmatch(r"--?[a-z][a-z-]*.*", w)]
            strange = [option for option in options if option not in known]
            assert strange == [], f"{page.name}: {' '.join(words)}"
        elif "/" in program and not program.startswith(".venv/"):
            assert (ROOT / program).is_file(), f"{page.name}: {program} does not exist"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        assert aim.exists(), f"{page.name}: {target}"
        if fragment:
            titles = re.findall(r"^#+ (.*)$", aim.read_text(), re.MULTILINE)
            assert fragment in {slug(title) for title in titles}, f"{page.name}: {target}"


def slug(title: str) -> str:
    """Give a heading's anchor."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    pattern = r"`((?:src|tests|docs|bench|studies|examples|images|scripts)/[\w./-]*)`"
    named = re.findall(pattern, page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_no_machine_of_ours_is_in_tracked_files() -> None:
    """Paths of one machine and addresses of its mirrors belong to nobody else's."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    path = re.compile(re.escape(str(ROOT).encode()) + rb"\b")
    address = re.compile(rb"https?://[^\s/\"']*(?:mirror|artifactory|nexus|proxy)[^\s\"']*/", re.I)
    option = re.compile(rb"--(?:extra-)?index-url|--trusted-host")
    found = []
    for name in filter(None, listed.split("\0")):
        file = ROOT / name
        if file.is_symlink() or not file.is_file() or file == Path(__file__).resolve():
            continue
        content = file.read_bytes()
        found += [name for rule in (path, address, option) if rule.search(content)]
    assert found == []
