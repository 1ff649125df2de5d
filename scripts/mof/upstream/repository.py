# SPDX-License-Identifier: GPL-2.0
"""A git repository of the files of a kernel tree that the series touches."""

import os
import shutil
import subprocess

from mof.build import REPO, Failure


def output(*command):
    """The output of a command; nothing if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if not done.returncode else ""


def sender():
    """(name, address) of git's user."""
    ident = output("git", "-C", REPO, "-c", "user.useConfigOnly=true", "var",
                   "GIT_AUTHOR_IDENT")
    if not ident:
        raise Failure("git does not know who you are, and patches need an "
                      "author: git config --global user.name 'Your Name'; "
                      "git config --global user.email you@example.org")
    name, _, rest = ident.rpartition(" <")
    return name, rest.split(">")[0]


class Repository:
    """git's data is outside the tree, so that nothing is added to it."""

    def __init__(self, gitdir, tree, who):
        self.gitdir = gitdir
        self.tree = tree
        name, address = who
        date = output("git", "-C", REPO, "log", "-1", "--format=%cI")
        self.environment = dict(
            os.environ, GIT_DIR=str(gitdir), GIT_WORK_TREE=str(tree),
            GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1",
            LC_ALL="C", GIT_AUTHOR_NAME=name, GIT_AUTHOR_EMAIL=address,
            GIT_COMMITTER_NAME=name, GIT_COMMITTER_EMAIL=address)
        if date:
            self.environment |= {"GIT_AUTHOR_DATE": date,
                                 "GIT_COMMITTER_DATE": date}

    def git(self, *arguments, check=True, **options):
        """Run git in the tree; with check, its errors are a Failure."""
        done = subprocess.run(
            ["git", *map(str, arguments)], cwd=self.tree, text=True,
            env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False, **options)
        if check and done.returncode:
            raise Failure(f"git {arguments[0]}: {done.stdout.strip()}")
        return done

    def start(self, files, message):
        """Create a repository with those of the files that exist, and no
        others of the tree."""
        shutil.rmtree(self.gitdir, ignore_errors=True)
        self.git("init", "-q")
        there = [file for file in sorted(files) if (self.tree / file).exists()]
        self.git("add", "-f", "--", *there)
        self.git("commit", "-q", "-m", message)
        self.git("tag", "base")

    def commit(self, message, files):
        """Commit files, signed off."""
        self.git("add", "-f", "-A", "--", *sorted(files))
        self.git("commit", "-q", "-s", "-F", "-", input=message)
