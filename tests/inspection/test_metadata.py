"""EXIF and XMP are read as far as they can be, and never beyond."""

import io

import pytest
from PIL import ExifTags, Image

from unmask.inspection.metadata import MAX_XMP_BYTES, packet_of, read_exif, read_xmp

XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"><rdf:Description rdf:about="" {attributes}>
{elements}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]><x>&i;</x>"
)


def packet(attributes="", elements=""):
    return XMP.format(attributes=attributes, elements=elements).encode()


@pytest.mark.parametrize(
    "content",
    [
        packet(attributes=f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"'),
        packet(elements=f"<Iptc4xmpExt:DigitalSourceType>{TRAINED}"
                        "</Iptc4xmpExt:DigitalSourceType>"),
        packet(elements=f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{TRAINED}"/>'),
        packet(attributes=f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"') + b" " * 2000 + b"\0",
    ],
)  # fmt: skip
def test_the_digital_source_type_is_found_in_every_form(content):
    entries, declarations, warnings = read_xmp(content)
    assert entries["DigitalSourceType"] == TRAINED
    assert declarations[0].says == "made by a generative model (trainedAlgorithmicMedia)"
    assert declarations[0].machine_made
    assert not warnings


@pytest.mark.parametrize(
    ("content", "machine_made"),
    [
        (packet(attributes='Iptc4xmpExt:DigitalSourceType="x/digitalCapture"'), [False]),
        (packet(attributes='xmp:CreatorTool="Adobe Firefly"'), [True]),
        (packet(elements="<Iptc4xmpExt:AISystemUsed>A</Iptc4xmpExt:AISystemUsed>"), [True]),
        (packet(attributes='xmp:CreatorTool="GIMP 3.0"'), []),
        (packet(), []),
    ],
)
def test_other_properties_are_weighed(content, machine_made):
    assert [found.machine_made for found in read_xmp(content)[1]] == machine_made


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (BOMB.encode(), "hostile"),  # a billion laughs
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', "hostile"),
        (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><x/>', "hostile"),
        (packet()[:-90], "broken"),
        (b"no xml", "broken"),
        (b"\xff\xfe\xfd" * 30, "broken"),
        (b'<?xml version="1.0" encoding="utf-99"?><x/>', "broken"),
        (b" " * (MAX_XMP_BYTES + 1), "passed over"),
        (b"<a>" * 250_000, "broken"),  # nested without end
    ],
)
def test_hostile_and_broken_packets_are_warnings(content, warning):
    entries, declarations, warnings = read_xmp(content)
    assert not entries
    assert not declarations
    assert warning in warnings[0]


def test_deep_and_wide_packets_end():
    deep = b"<a>" * 100_000 + b"</a>" * 100_000
    assert read_xmp(deep)[0] == {}
    wide = packet(elements="".join(f"<xmp:CreatorTool>{n}</xmp:CreatorTool>" for n in range(9000)))
    assert read_xmp(wide)[0] == {"CreatorTool": "0"}


def picture(**options):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, **{"format": "JPEG", **options})
    return Image.open(io.BytesIO(buffer.getvalue()))


def exif_with(*, comment=None, **names):
    exif = Image.Exif()
    for name, value in names.items():
        exif[ExifTags.Base[name]] = value
    if comment is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return exif


SAMPLED = "a face\nSteps: 20, Sampler: Euler a, Seed: 1"


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0" + SAMPLED.encode(),
        b"UNICODE\0" + SAMPLED.encode("utf-16-be"),
        b"UNICODE\0" + SAMPLED.encode("utf-16-le"),
        b"\0" * 8 + SAMPLED.encode(),
    ],
)
def test_generators_are_found_in_comments(comment):
    entries, declarations, _ = read_exif(picture(exif=exif_with(comment=comment)))
    assert entries["UserComment"].startswith("a face Steps: 20")
    assert declarations[0].says == "parameters of Stable Diffusion web UI"


def test_camera_and_place_are_listed_but_not_where():
    exif = exif_with(Make="Canon", Model="EOS R5", Software="x" * 5000)
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    entries, declarations, warnings = read_exif(picture(exif=exif))
    assert not warnings
    assert entries["Make"] == "Canon"
    assert len(entries["Software"]) <= 300
    assert "not repeated" in entries["GPSInfo"]
    assert not declarations


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's; `open_image` silences them
@pytest.mark.parametrize(
    ("block", "broken"),
    [
        (b"Exif\0\0", True),
        (b"Exif\0\0II*\0\xff\xff\xff\xff", True),  # begins beyond its end
        (b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 200, True),  # 65,535 entries
        # a circle
        (b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0", False),
    ],
)
def test_broken_blocks_are_warnings_and_no_crash(block, broken):
    entries, declarations, warnings = read_exif(picture(exif=block))
    assert len(entries) <= 64
    assert not declarations
    assert any("EXIF block is broken" in warning for warning in warnings) == broken


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "TIFF", "PNG"])
def test_the_packet_is_found_in_every_format(file_format):
    content = packet(attributes='xmp:CreatorTool="A"')
    options = {"xmp": content}
    if file_format == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", content.decode())
        options = {"pnginfo": info}
    if file_format == "TIFF":
        options = {"tiffinfo": {700: content}}
    found = picture(format=file_format, **options)
    assert read_xmp(packet_of(found))[0] == {"CreatorTool": "A"}
