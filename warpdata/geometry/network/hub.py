"""Files of Hugging Face repositories: fetched once, pinned to a commit, their bytes checked against the hub's digest.

The first download of a branch pins it: the hub's own cache remembers the commit, and later runs use that commit
without asking again. A full commit id after `@` pins a download from the start. The digest is the one that the hub
states for the file at that commit (SHA-256 for large files, git's SHA-1 for small ones); when nothing is asked of the
hub, it is the one under which the hub's cache keeps the file.
"""

from __future__ import annotations

import errno
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from huggingface_hub import constants, get_hf_file_metadata, get_token, hf_hub_download, hf_hub_url
from huggingface_hub import try_to_load_from_cache as find_in_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from warpdata.errors import WeightsError
from warpdata.files.digests import git_blob_sha1, remembered_sha256

log = logging.getLogger(__name__)


class FileNotInRepo(WeightsError):
    """The repository is there, and has no file of this name."""


GIT_SHA1 = COMMIT = re.compile(r"[0-9a-f]{40}")
DIGEST = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """A file of a repository.

    Attributes:
        repo: `owner/name`.
        name: its path in the repository.
        revision: branch, tag or commit; None is `main`, as it was when it was first downloaded.
    """

    repo: str
    name: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.repo}/{self.name}" + (f"@{self.revision}" if self.revision else "")


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A file of a repository on this machine.

    Attributes:
        path: where it lies in the hub's cache.
        commit: the revision it is of.
        sha256: digest of its bytes, checked.
    """

    path: Path
    commit: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Hub:
    """Where files come from and where they are kept; by default as `huggingface_hub` is configured (`HF_ENDPOINT`,
    `HF_HOME`, `HF_TOKEN`, `HF_HUB_OFFLINE`)."""

    endpoint: str | None = None
    cache_dir: Path | None = None

    def cached(self, file: HubFile) -> Path | None:
        """The file, if it is here already; asks no one."""
        found = find_in_cache(file.repo, file.name, cache_dir=self.cache_dir, revision=file.revision)
        return Path(found) if isinstance(found, str) else None

    def fetch(self, file: HubFile) -> Fetched:
        """The file, downloaded if it is not here. A branch or tag that is asked for by name is looked up every time.

        Raises:
            WeightsError: it cannot be had, or its bytes are not those that the hub states; the message says what to do.
        """
        pinned = file.revision is None or COMMIT.fullmatch(file.revision)
        path = self.cached(file)
        if path is not None and (pinned or constants.HF_HUB_OFFLINE):
            return self._checked(file, path, stated_digest=_digest_in_cache(path))
        log.info("fetching %s", file)
        try:
            if constants.HF_HUB_OFFLINE:
                raise OfflineModeIsEnabled
            url = hf_hub_url(file.repo, file.name, revision=file.revision, endpoint=self.endpoint)
            metadata = get_hf_file_metadata(url)
            path = Path(
                hf_hub_download(
                    file.repo, file.name, revision=file.revision, endpoint=self.endpoint, cache_dir=self.cache_dir
                )
            )
        except Exception as error:  # what the HTTP client underneath raises differs between hub versions
            self._refuse(file, error)
        if not (metadata.etag and DIGEST.fullmatch(metadata.etag)):
            raise WeightsError(
                f"{file} cannot be checked: the server states {metadata.etag!r} where the hub has a digest; unset "
                "HF_ENDPOINT, or give a local file"
            )
        fetched = self._checked(file, path, stated_digest=metadata.etag)
        if fetched.commit != metadata.commit_hash:
            raise WeightsError(f"{file} changed while it was being downloaded; run again")
        return fetched

    def _checked(self, file: HubFile, path: Path, *, stated_digest: str | None) -> Fetched:
        sha256 = remembered_sha256(path)
        found = git_blob_sha1(path) if stated_digest and GIT_SHA1.fullmatch(stated_digest) else sha256
        if stated_digest is not None and found != stated_digest:
            raise WeightsError(
                f"{file} is damaged: the hub states the digest {stated_digest}, and the file here has {found}; "
                f"delete {path.resolve()} and run again"
            )
        commit = path.parts[-1 - len(Path(file.name).parts)]
        return Fetched(path=path, commit=commit, sha256=sha256)

    def _refuse(self, file: HubFile, error: Exception) -> NoReturn:
        # An entry that is missing locally is another matter: the hub did not answer.
        missing = isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError)
        kind = FileNotInRepo if missing else WeightsError
        raise kind(f"{file} cannot be fetched: {_explain(file, error)}") from error


def _digest_in_cache(path: Path) -> str | None:
    """The digest that the hub stated for a cached file: the name of the blob that its link leads to.

    Only one link is followed: a blob may itself be a link, to a store where names mean something else. None on file
    systems without links, where the cache keeps files under their own names.
    """
    name = path.readlink().name if path.is_symlink() else ""
    return name if DIGEST.fullmatch(name) else None


def _explain(file: HubFile, error: Exception) -> str:
    """What went wrong and what to do about it. The order matters: some of the hub's errors are kinds of others."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    page = f"https://huggingface.co/{file.repo}"
    login = "log in (`hf auth login`, or set HF_TOKEN)"
    if isinstance(error, GatedRepoError):
        if get_token() is None:
            return f"the repository is gated and you are not logged in; accept its terms at {page}, then {login}"
        return (
            f"the repository is gated and your account has no access; accept its terms or ask for access at {page}, "
            "and wait until it is granted"
        )
    if isinstance(error, RepositoryNotFoundError):
        private = "your login does not open it" if get_token() else f"it is private: then {login}"
        return f"there is no repository {file.repo}, or {private}; check the name at {page}"
    if isinstance(error, RevisionNotFoundError):
        return f"the repository has no revision {file.revision!r}; see {page}/commits for those it has"
    if isinstance(error, LocalEntryNotFoundError):
        return f"the hub does not answer as it should ({_reason(error)}); try again later, or give a local file"
    if isinstance(error, EntryNotFoundError):
        return f"the repository has no file {file.name}; see {page}/tree/{file.revision or 'main'} for those it has"
    if isinstance(error, OfflineModeIsEnabled):
        return (
            "offline mode is on (HF_HUB_OFFLINE) and it is not in the hub's cache; unset HF_HUB_OFFLINE for one run, "
            f"or copy the file here from {page} and give its path"
        )
    if status == 401:
        return f"the hub refuses your token as invalid; {login} again"
    if status == 403:
        return f"your token may not read it; give the token access to gated repositories, or use another; see {page}"
    if status is not None:
        return f"the hub answers {status}; try again later, or give a local file"
    if isinstance(error, HFValidationError):
        return f"that is not a repository name: {error}"
    if isinstance(error, OSError) and (error.filename is not None or error.errno in DISK_FULL):
        return f"it cannot be written here ({error}); free some space, or set HF_HOME to another disk"
    return (
        f"the hub cannot be reached ({_reason(error)}); check the network or proxy, or copy the file here from {page} "
        "and give its path"
    )


def _reason(error: BaseException) -> str:
    """The innermost cause, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error) or type(error).__name__).splitlines()[0]
