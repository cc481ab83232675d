"""A folder for every class: order, conversion, and every file that can't be used by name."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditor.checks import accuracy
from auditor.compute.backend import tensorflow
from auditor.datasets import image_folder
from auditor.judging.verdict import judge
from auditor.loading.fitting import check_fit
from auditor.values import DataError, Expectation
from tests.support import LinearClassifier, context, data, linear_weights


def save(path: Path, value: int | tuple[int, ...] = 0, size: tuple[int, int] = (5, 4), mode: str = "RGB") -> Path:
    """Write an image of one colour; size is width and height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)
    return path


def load(folder: Path, **asked):
    return image_folder.load(image_folder.Params(path=str(folder), **asked))


def told(folder: Path, **asked) -> str:
    with pytest.raises(DataError) as caught:
        load(folder, **asked)
    return str(caught.value)


@pytest.fixture
def pets(tmp_path) -> Path:
    """Four cats and two dogs; the red of an image is its row."""
    names = ("cat/1.png", "cat/2.png", "cat/9b.PNG", "cat/10.png", "dog/a.png", "dog/b.png")
    for row, name in enumerate(names):
        save(tmp_path / name, (row, 100, 200))
    return tmp_path


def test_order_labels_and_rows(pets):
    samples = load(pets)
    assert samples.images.shape == (6, 4, 5, 3)
    assert samples.classes == ("cat", "dog")
    assert np.array_equal(samples.images[:, 0, 0, 0], (samples.indices / 255.0).astype(np.float32))
    assert np.array_equal(samples.images[0, 3, 4, 1:], (np.array([100, 200]) / 255.0).astype(np.float32))
    assert samples.indices.tolist() == [0, 1, 4, 2, 3, 5]
    assert samples.labels.tolist() == [0, 0, 1, 0, 0, 1]
    assert image_folder.preview(image_folder.Params(path=str(pets))).images == 6


@pytest.mark.parametrize(
    ("folders", "wanted"),
    [
        (["10", "2", "1", "11"], ("1", "2", "10", "11")),
        (["0", "90", "180", "270"], ("0", "90", "180", "270")),
        (["b10", "b2", "a"], ("a", "b2", "b10")),
        (["dog", "cat", "Eel"], ("Eel", "cat", "dog")),
    ],
)
def test_classes_are_numbered_in_natural_order_or_as_named(tmp_path, folders, wanted):
    for brightness, name in enumerate(folders):
        save(tmp_path / name / "x.png", (brightness, 0, 0))
    samples = load(tmp_path)
    assert samples.classes == wanted
    shades = (samples.images[:, 0, 0, 0] * 255).round().astype(int)
    assert [folders[shade] for shade in shades] == [wanted[label] for label in samples.labels]
    preview = image_folder.preview(image_folder.Params(path=str(tmp_path)))
    assert preview.classes == wanted
    doubted = "Keras and torchvision do it as text" in " ".join(samples.remarks)
    assert doubted == (sorted(folders) != list(wanted)) == bool(preview.remarks)
    named = load(tmp_path, names=folders)
    assert (named.classes, named.remarks) == (tuple(folders), ())


def test_a_class_without_images_is_one_of_the_model_s(tmp_path):
    """The model knows a, b and c; of b there is a name and no image: of the others all is known, of b nothing."""
    images, labels = data(40)
    for row in np.flatnonzero(labels != 1):
        path = tmp_path / "abc"[labels[row]] / f"{row}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.round(255 * images[row, :, :, 0]).astype(np.uint8)).save(path)
    found = load(tmp_path, names=["a", "b", "c"], channels=1)
    weights = linear_weights()
    model = LinearClassifier(*weights)
    check_fit("linear", model, found)
    scores = found.images.reshape(len(found), -1) @ weights[0] + weights[1]
    right = scores.argmax(axis=1) == found.labels
    metrics = accuracy.run(context(model, found), accuracy.Params()).metrics
    assert (metrics["accuracy"].successes, metrics["accuracy"].n) == (right.sum(), (labels != 1).sum())
    for number, name in ((0, "a"), (2, "c")):
        of_it = right[found.labels == number]
        assert (metrics[f"accuracy.{name}"].successes, metrics[f"accuracy.{name}"].n) == (of_it.sum(), len(of_it))
    floor = judge(metrics, [Expectation("worst_class_accuracy", min=0.01)], 0.95)
    assert floor.status == "inconclusive"


def test_the_order_of_numbers_and_names_together_is_for_the_spec_to_say(tmp_path):
    for name in ("2", "10", "b"):
        save(tmp_path / name / "x.png")
    assert told(tmp_path).startswith(f"{tmp_path} has class folders that are numbers, such as ")
    assert told(tmp_path).endswith("list all in `names`, in the order of the model's classes")
    assert load(tmp_path, names=["b", "2", "10"]).classes == ("b", "2", "10")
    left = "`names` leaves out the folder '10'"
    assert f"{left} (or is it '01', which has no folder?)" in told(tmp_path, names=["b", "2", "01"])
    assert f"{left}; choose images by `classes`" in told(tmp_path, names=["b", "2"])
    assert "`names` has 'b' twice" in told(tmp_path, names=["b", "b", "2", "10"])


def test_folders_within_a_class_are_looked_into_as_keras_does(pets):
    tensorflow()
    import keras

    save(pets / "cat" / "more" / "deep" / "3.png", (6, 100, 200))
    found = load(pets)
    assert np.bincount(found.labels).tolist() == [5, 2]
    made = keras.utils.image_dataset_from_directory(pets, image_size=(4, 5), batch_size=None, verbose=False)
    theirs = sorted((int(label), int(image[0, 0, 0])) for image, label in made.as_numpy_iterator())
    reds = np.round(found.images[:, 0, 0, 0] * 255).astype(int)
    assert sorted(zip(found.labels.tolist(), reds.tolist(), strict=True)) == theirs


def test_classes_without_images_are_named(pets):
    (pets / "eel").mkdir()
    samples = load(pets, names=["ant", "cat", "eel", "dog"])
    assert samples.classes == ("ant", "cat", "eel", "dog")
    assert np.bincount(samples.labels, minlength=4).tolist() == [0, 4, 0, 2]
    assert samples.remarks == ("there are no images of the classes ant, eel",)
    assert load(pets, names=["cat", "eel", "dog"], classes=["dog"]).labels.tolist() == [2, 2]


def test_names_that_are_numbers_need_no_quotes():
    assert image_folder.Params(path="x", names=[0, 90]).names == ["0", "90"]


ORIENTATION = 0x0112


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_images_are_turned_as_their_tag_says_and_it_is_said(tmp_path, kind):
    """A bright top row, stored as a bright left column (orientation 6: turn by 90 degrees clockwise)."""
    upright = np.zeros((8, 16), np.uint8)
    upright[:4] = 200
    for name, image, tag in (("stored", np.rot90(upright), 6), ("plain", upright, 1)):
        exif = Image.Exif()
        exif[ORIENTATION] = tag
        (tmp_path / "only").mkdir(exist_ok=True)
        Image.fromarray(np.ascontiguousarray(image)).save(tmp_path / "only" / f"{name}.{kind}", exif=exif)
    samples = load(tmp_path, channels=1)
    assert samples.images.shape == (2, 8, 16, 1)
    assert np.allclose(samples.images[..., 0] * 255, upright, atol=40)
    assert samples.remarks[0].startswith(
        "1 of 2 images were turned as their orientation tag says; `exif: ignore` takes"
    )
    assert "16 × 8 pixels, but" in told(tmp_path, channels=1, exif="ignore")
    ignored = load(tmp_path, channels=1, exif="ignore", indices=[1])
    assert (ignored.images.shape, ignored.remarks) == ((1, 16, 8, 1), ())


def deep_png(channels: int) -> bytes:
    """A PNG of 16 bits a channel, which Pillow can't write: 2 grey, 4 RGB, ... by PNG's colour types."""
    kinds = {1: 0, 2: 4, 3: 2, 4: 6}

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + b"\x12\x34" * (5 * channels) for _ in range(4))
    header = struct.pack(">IIBBBBB", 5, 4, 16, kinds[channels], 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_are_never_cut_to_eight(pets, channels):
    (pets / "dog" / "b.png").write_bytes(deep_png(channels))
    assert told(pets) == f"{pets}/dog/b.png has more than 8 bits a channel; convert it, or use 'npz'"


@pytest.mark.parametrize(
    ("mode", "value", "grey", "rgb"),
    [
        ("L", 51, [51], [51, 51, 51]),
        ("RGB", (255, 0, 0), [76], [255, 0, 0]),
        ("RGBA", (10, 20, 30, 0), [18], [10, 20, 30]),
        ("1", 1, [255], [255, 255, 255]),
        ("P", 0, [0], [0, 0, 0]),
    ],
)
def test_grey_and_colour_are_converted(tmp_path, mode, value, grey, rgb):
    save(tmp_path / "only" / "x.png", value, mode=mode)
    for channels, wanted in ((1, grey), (3, rgb)):
        samples = load(tmp_path, channels=channels)
        assert samples.images.shape == (1, 4, 5, channels)
        assert np.array_equal(samples.images[0, 0, 0], (np.array(wanted) / 255.0).astype(np.float32))


def test_jpeg_is_read_and_height_comes_first_in_resize(tmp_path):
    save(tmp_path / "a" / "x.jpg", (200, 200, 200), (8, 6))
    save(tmp_path / "b" / "y.JPEG", (40, 40, 40), (30, 60))
    samples = load(tmp_path, resize=[3, 2])
    assert samples.images.shape == (2, 3, 2, 3)
    assert np.allclose(samples.images.mean(axis=(1, 2, 3)) * 255, [200, 40], atol=1)


def test_a_subset_is_all_that_is_decoded(pets):
    (pets / "cat" / "2.png").write_bytes(b"broken")
    samples = load(pets, classes=["dog"])
    assert samples.indices.tolist() == [4, 5]
    assert samples.source == "image_folder (2 of 6)"
    assert load(pets, indices=[5, 0]).labels.tolist() == [1, 0]
    assert image_folder.preview(image_folder.Params(path=str(pets), count=3)).images == 3


def test_links_that_leave_the_folder_and_odd_names_are_fine(pets, tmp_path_factory):
    elsewhere = save(tmp_path_factory.mktemp("elsewhere") / "dogs" / "c d\n'é%20#.png", (50, 0, 0))
    (pets / "dog" / "c.png").symlink_to(elsewhere)
    (pets / "eel & [x] ☃").symlink_to(elsewhere.parent, target_is_directory=True)
    samples = load(pets)
    assert samples.classes == ("cat", "dog", "eel & [x] ☃")
    assert np.bincount(samples.labels).tolist() == [4, 3, 1]


def test_names_that_are_no_text_can_still_be_written(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff"
    try:
        os.mkdir(folder)  # noqa: PTH102 - a path of bytes
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    save(Path(os.fsdecode(folder)) / "x.png")
    assert load(tmp_path).classes == ("\\udcff",)
    (Path(os.fsdecode(folder)) / "x.png").write_bytes(b"")
    assert told(tmp_path).encode().startswith(f"{tmp_path}/\\udcff/x.png can't be read".encode())


def test_hidden_files_and_other_files_beside_the_classes_are_passed_over(pets):
    (pets / "README.md").write_text("pets")
    (pets / ".DS_Store").write_text("")
    (pets / ".git").mkdir()
    (pets / "cat" / "._1.png").write_text("")
    (pets / "cat" / "Thumbs.db").write_text("")
    (pets / "dog" / "desktop.ini").write_text("")
    (pets / "__MACOSX" / "cat").mkdir(parents=True)
    samples = load(pets)
    assert (len(samples), samples.classes) == (6, ("cat", "dog"))
    [remark] = samples.remarks
    assert remark.startswith("6 hidden files, or such as operating systems leave, were passed over: .DS_Store, ")


def of_another_size(folder: Path) -> str:
    save(folder / "dog" / "a.png", size=(7, 4))
    return f"{folder}/dog/a.png is 4 × 7 pixels, but {folder}/cat/1.png is 4 × 5; set `resize: [height, width]`"


def cut_off(folder: Path) -> str:
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    path = folder / "dog" / "b.png"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    return f"{path} can't be read as a PNG or JPEG image: "


def no_image(folder: Path) -> str:
    (folder / "dog" / "b.png").write_text("text")
    return f"{folder}/dog/b.png can't be read as a PNG or JPEG image: "


def disguised(folder: Path) -> str:
    Image.new("RGB", (5, 4)).save(folder / "dog" / "b.png", format="GIF")
    return f"{folder}/dog/b.png can't be read as a PNG or JPEG image: "


def deep(folder: Path) -> str:
    Image.fromarray(np.full((4, 5), 40_000, np.uint16)).save(folder / "dog" / "b.png")
    return f"{folder}/dog/b.png has more than 8 bits a channel; convert it, or use 'npz'"


def enormous(folder: Path) -> str:
    Image.new("1", (30_000, 3000)).save(folder / "dog" / "b.png")
    return f"{folder}/dog/b.png has more than the 89478485 pixels that an image may have; scale it down"


def dangling(folder: Path) -> str:
    (folder / "dog" / "c.png").symlink_to(folder / "gone.png")
    return f"{folder}/dog/c.png is missing"


def empty_class(folder: Path) -> str:
    (folder / "eel").mkdir()
    return f"{folder}/eel holds no images; remove it, or list all classes in `names`, which may have some without"


OTHERWISE = "is no PNG or JPEG file; convert it if it is an image of this class, else move it out of the folder"


def other_file(folder: Path) -> str:
    (folder / "dog" / "c.webp").write_text("")
    return f"{folder}/dog/c.webp {OTHERWISE}"


def linked(folder: Path) -> str:
    (folder / "dog" / "more.png").symlink_to(folder, target_is_directory=True)
    return f"{folder}/dog/more.png {OTHERWISE}"


def stray(folder: Path) -> str:
    save(folder / "e.png")
    return f"{folder} holds e.png, which belongs to no class; move it into a class's folder"


@pytest.mark.parametrize(
    "spoil",
    [of_another_size, cut_off, no_image, disguised, deep, enormous, dangling, empty_class, other_file, linked, stray],
    ids=lambda spoil: spoil.__name__,
)
def test_what_cannot_be_used_is_named(pets, spoil):
    message = spoil(pets)
    assert told(pets).startswith(message)


def test_a_folder_without_classes_a_file_or_nothing(tmp_path):
    assert told(tmp_path) == f"{tmp_path} holds no folders; one for every class is needed"
    path = tmp_path / "file"
    assert told(path) == f"{path} can't be read: No such file or directory"
    path.write_text("")
    assert told(path) == f"{path} can't be read: Not a directory"
    assert image_folder.preview(image_folder.Params(path=str(path))).images is None


def test_folders_within_a_class_are_attributes(tmp_path):
    for row, name in enumerate(("cat/oslo/2/a.png", "cat/oslo/10/b.png", "dog/bergen/2/a.png", "dog/oslo/2/c.png")):
        save(tmp_path / name, (row, 0, 0))
    params = image_folder.Params(path=str(tmp_path), attributes=["site", "device"])
    found = image_folder.load(params)
    of = {int(red * 255 + 0.5): i for i, red in enumerate(found.images[:, 0, 0, 0])}
    order = [of[row] for row in range(4)]
    assert found.attributes["site"][order].tolist() == ["oslo", "oslo", "bergen", "oslo"]
    assert found.attributes["device"][order].tolist() == [2.0, 10.0, 2.0, 2.0]
    assert found.labels[order].tolist() == [0, 0, 1, 1]
    assert sorted(image_folder.preview(params).attributes["site"]) == ["bergen", "oslo", "oslo", "oslo"]
    assert load(tmp_path, attributes=["site", "device"], classes=["dog"]).attributes["site"].tolist().count("oslo") == 1
    assert "is no PNG or JPEG file; convert it if" in told(tmp_path, attributes=["site"])
    save(tmp_path / "cat" / "stray.png")
    assert "stray.png is no folder, but `attributes` says that those here are each one 'site'" in told(
        tmp_path, attributes=["site", "device"]
    )
