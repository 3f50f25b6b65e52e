"""Generators are known by what they write, and ordinary words are not taken for it."""

import json

import pytest

from unmask.inspection.declarations import (
    MACHINE_MADE,
    MAX_WORDS,
    SOURCE_TYPES,
    find_generator,
    shorten,
    source_type,
)

WEB_UI = (
    "portrait of a woman, 85mm\nNegative prompt: blurry\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: v1-5"
)
COMFY = json.dumps(
    {
        "3": {"class_type": "KSampler", "inputs": {"seed": 5}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl.safetensors"}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a face"}},
    }
)


@pytest.mark.parametrize(
    ("keyword", "text", "generator"),
    [
        ("parameters", WEB_UI, "Stable Diffusion web UI"),
        ("UserComment", WEB_UI, "Stable Diffusion web UI"),  # in JPEG and WebP files
        ("prompt", COMFY, "ComfyUI"),
        ("workflow", '{"last_node_id": 9, "nodes": []}', "ComfyUI"),
        ("Make", 'workflow:{"nodes": []}', "ComfyUI"),  # in WebP files
        ("Software", "NovelAI", "NovelAI"),
        ("Source", "NovelAI Diffusion V4", "NovelAI"),
        ("invokeai_metadata", "{}", "InvokeAI"),
        ("parameters", '{"sui_image_params": {"prompt": "a"}}', "SwarmUI"),
        ("parameters", '{"version": "Fooocus v2.5", "prompt": "a"}', "Fooocus"),
        ("Description", "a king --v 6 Job ID: 12345678-aaaa", "Midjourney"),
        ("CreatorTool", "Adobe Firefly", "Adobe Firefly"),
        ("Credit", "Made with Google AI", "Google AI"),
        ("parameters", '{"prompt": "a", "seed": 4}', "a picture generator"),
    ],
)
def test_generators_are_named(keyword, text, generator):
    found = find_generator("PNG text", keyword, text)
    assert found.says == f"parameters of {generator}"
    assert found.machine_made
    assert found.excerpt


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("Comment", "Steps to the beach: 20"),
        ("Software", "Adobe Photoshop 26.0"),
        ("Make", "Canon"),
        ("Model", "Canon EOS R5"),
        ("Description", "My prompt: nothing"),
        ("prompt", "please answer"),
        ("parameters", ""),
        ("Author", "Seed, Sampler & Sons"),
    ],
)
def test_ordinary_words_are_not(keyword, text):
    assert find_generator("PNG text", keyword, text) is None


def test_the_models_and_prompts_of_a_graph_are_quoted():
    assert find_generator("PNG text", "prompt", COMFY).excerpt == "sd_xl.safetensors; a face"


@pytest.mark.parametrize(
    "text", ["{" * 200_000, '{"a":' * 100_000, '"class_type":' + " " * 10**6, "steps: 1," * 10**6]
)
def test_hostile_texts_take_no_time(text):
    for keyword in ("prompt", "parameters", "Software"):
        find_generator("PNG text", keyword, text)


@pytest.mark.parametrize(
    ("address", "term"),
    [
        (
            "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
            "trainedAlgorithmicMedia",
        ),
        ("digsrctype:digitalCapture", "digitalCapture"),
        ("digitalCapture", "digitalCapture"),
        ("http://example.org/nothing", ""),
        ("", ""),
    ],
)
def test_source_types_are_known_by_their_end(address, term):
    assert source_type(address) == term


def test_only_what_machines_make_is_machine_made():
    assert set(SOURCE_TYPES) >= MACHINE_MADE
    assert "digitalCapture" not in MACHINE_MADE


def test_long_texts_are_cut_to_one_line():
    assert shorten("a\n\tb\0c") == "a b c"
    assert len(shorten("x" * 10**6)) == MAX_WORDS
