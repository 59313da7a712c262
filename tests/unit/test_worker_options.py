"""Command lines of workers: an option that the chosen model does not heed is refused, not passed over."""

from collections.abc import Callable

import pytest

from workers.clip.command import main as clip
from workers.enhance.command import main as enhance
from workers.text.command import main as text
from workers.vlm.command import main as vlm

Main = Callable[[list[str]], None]


@pytest.mark.parametrize(
    ("main", "arguments", "said"),
    [
        (clip, "--model-name ViT-B-32", "--model-name needs --model open_clip"),
        (clip, "--precision float32", "--precision needs --model open_clip"),
        (clip, "--device cuda", "--device cuda needs --model open_clip: builtin runs on the CPU"),
        (clip, "--model dummy --vocabulary tags.yaml", "--vocabulary needs --model builtin or open_clip"),
        (clip, "--model open_clip --pretrained openai --model-name x --model-config x.json", "leave one of them out"),
        (enhance, "--precision float16", "--precision needs --model torch"),
        (enhance, "--model lanczos --device cuda", "--device cuda needs --model torch: lanczos runs on the CPU"),
        (text, "--device cuda", "--device cuda needs --model sentence_transformers: minilm runs on the CPU"),
        (vlm, "--dtype float32", "--dtype needs --model builtin or transformers"),
        (vlm, "--cache-mib 7", "--cache-mib needs --model builtin or transformers"),
        (vlm, "--model dummy --device cuda", "--device cuda needs --model builtin or transformers"),
        (vlm, "--model builtin --weights x", "--weights needs --model transformers"),
        (vlm, "--model transformers", "--model transformers needs --weights"),
    ],
)
def test_an_option_in_vain_is_refused(
    main: Main, arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    assert ended.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize("main", [clip, enhance, text, vlm])
def test_an_abbreviated_option_is_no_option(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--mode", "dummy"])
    assert ended.value.code == 2 and "unrecognized arguments: --mode dummy" in capsys.readouterr().err
