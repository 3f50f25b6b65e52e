"""From the body of a request to files, written while they come in."""

from typing import Any, Final

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from unmask.service.problems import ProblemError
from unmask.service.spool import UNNAMED, Spool, Upload

_MULTIPART: Final = b"multipart/form-data"
_MOST_OTHER_BYTES: Final = 64 * 1024
"""Of fields that nobody asked for; they are passed over."""
_FRAMING_BYTES: Final = 64 * 1024
"""What a multipart body may have around its file."""


async def receive_file(request: Request, spool: Spool, max_bytes: int) -> Upload:
    """The one file of a request: the multipart field `file`, or else the body as it is.

    Raises:
        ProblemError: 400, 413, 422 or 503, as the body is.
    """
    _check_length(request, max_bytes + _FRAMING_BYTES)
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type == _MULTIPART:
        return (await _receive_form(request, options, _Form(spool, b"file", 1)))[0]
    upload = spool.open(UNNAMED)
    try:
        async for data in request.stream():
            upload.write(data)
        upload.finish()
    except BaseException:
        upload.delete()
        raise
    return upload


async def receive_files(request: Request, spool: Spool, most: int, max_bytes: int) -> list[Upload]:
    """The files of a request, at most so many: the multipart field `files`, repeated.

    Raises:
        ProblemError: 400, 413, 415, 422 or 503, as the body is.
    """
    _check_length(request, max_bytes + _FRAMING_BYTES)
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type != _MULTIPART:
        detail = "a batch must be sent as multipart/form-data, with the field 'files' repeated"
        raise ProblemError(415, "not_multipart", detail)
    return await _receive_form(request, options, _Form(spool, b"files", most))


def _check_length(request: Request, max_bytes: int) -> None:
    """Refuse by its head what would be refused while it comes in."""
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > max_bytes:
        detail = f"the body has {stated} bytes, expected at most {max_bytes}; send less"
        raise ProblemError(413, "too_large", detail)


async def _receive_form(
    request: Request, options: dict[bytes, bytes], form: "_Form"
) -> list[Upload]:
    try:
        form.begin(options.get(b"boundary", b""))
        async for data in request.stream():
            form.feed(data)
        return form.finish()
    except FormParserError as error:
        form.delete()
        detail = "the body is no well-formed multipart/form-data; build it with an HTTP library"
        raise ProblemError(400, "malformed", detail) from error
    except BaseException:
        form.delete()
        raise


class _Form:
    """Writes the parts of one field to files; what the parser calls while it is fed."""

    def __init__(self, spool: Spool, field: bytes, most: int) -> None:
        self._spool, self._field, self._most = spool, field, most
        self._uploads: list[Upload] = []
        self._current: Upload | None = None
        self._header: tuple[bytes, bytes] = (b"", b"")
        self._headers: dict[bytes, bytes] = {}
        self._other_bytes = 0
        self._ended = False
        self._parser: Any = None

    def begin(self, boundary: bytes) -> None:
        """Learn what separates the parts."""
        if not boundary:
            message = "no boundary"
            raise FormParserError(message)
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        self._parser.write(data)

    def finish(self) -> list[Upload]:
        """The files, of which there must be at least one."""
        if not self._ended:
            message = "the body ends early"
            raise FormParserError(message)
        if not self._uploads:
            raise self._no_file()
        return self._uploads

    def _no_file(self) -> ProblemError:
        detail = f"the form has no file in the field '{self._field.decode()}'; send it there"
        return ProblemError(422, "no_file", detail)

    def delete(self) -> None:
        """Remove every file."""
        for upload in self._uploads:
            upload.delete()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], b"")

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _on_header_end(self) -> None:
        name, value = self._header
        self._headers[name.lower()] = value
        self._header = (b"", b"")

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if options.get(b"name") != self._field:
            self._current = None
            if b"filename" in options:
                raise self._no_file()
            return
        if len(self._uploads) >= self._most:
            detail = f"the form has more than {self._most} files, which is the most; send fewer"
            raise ProblemError(413, "too_many_files", detail)
        name = options.get(b"filename", b"").decode("utf-8", errors="replace")
        self._current = self._spool.open(name)
        self._uploads.append(self._current)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current is not None:
            self._current.write(data[start:end])
            return
        self._other_bytes += end - start
        if self._other_bytes > _MOST_OTHER_BYTES:
            detail = (
                f"the form has much in other fields than '{self._field.decode()}'; leave it out"
            )
            raise ProblemError(413, "too_large", detail)

    def _on_part_end(self) -> None:
        if self._current is not None:
            self._current.finish()

    def _on_end(self) -> None:
        self._ended = True
