"""A few lines of each dataset in the very form in which it is published; the sentences are ours."""

import json
from pathlib import Path

MSRVTT_JSON = """{"info": {"contributor": "none", "version": "1.0"},
 "videos": [
  {"category": 9, "url": "https://example.org/0", "video_id": "video0", "start time": 137.72,
   "end time": 149.44, "split": "train", "id": 0},
  {"category": 3, "url": "https://example.org/1", "video_id": "video1", "start time": 0.0,
   "end time": 12.5, "split": "train", "id": 1},
  {"category": 1, "url": "https://example.org/2", "video_id": "video2", "start time": 4.0,
   "end time": 14.0, "split": "validate", "id": 2},
  {"category": 1, "url": "https://example.org/3", "video_id": "video3", "start time": 4.0,
   "end time": 14.0, "split": "test", "id": 3}],
 "sentences": [
  {"caption": "a red car drives up a hill", "video_id": "video0", "sen_id": 0},
  {"caption": "the car is  being\\ndriven", "video_id": "video0", "sen_id": 1},
  {"caption": "two birds sit on a wire", "video_id": "video1", "sen_id": 2},
  {"caption": "someone folds a paper boat", "video_id": "video2", "sen_id": 3},
  {"caption": "a drummer plays, alone", "video_id": "video3", "sen_id": 4}]}
"""
MSRVTT_9K = "video_id\nvideo1\nvideo0\nvideo2\n"
MSRVTT_7K = "video_id\nvideo0\nvideo2\n"
MSRVTT_TEST = """key,vid_key,video_id,sentence
ret0,msr3,video3,"a drummer plays, alone"
ret1,msr1,video1,birds on a wire
"""

MSVD_TEXT = """# A description of the corpus may stand here
# -4wsuPCjDBc_5_15 is no caption

-4wsuPCjDBc_5_15 a squirrel eats a nut
-4wsuPCjDBc_5_15 an animal chews on something
mv89psg6zh4_33_46 a bird bathes in a sink
"""
MSVD_JSON = {
    "-4wsuPCjDBc_5_15": [["a", "squirrel", "eats", "a", "nut"], "an animal chews on something"],
    "mv89psg6zh4_33_46": [["a", "bird", "bathes", "in", "a", "sink"]],
}
MSVD_TABLE = """VideoID,Start,End,WorkerID,Source,AnnotationTime,Language,Description
-4wsuPCjDBc,5,15,588702,clean,55,English,a squirrel eats a nut
-4wsuPCjDBc,5,15,588702,clean,55,German,ein Eichhörnchen frisst eine Nuss
-4wsuPCjDBc,5,15,362812,unverified,43,English,an animal chews on something
mv89psg6zh4,33,46,362812,clean,43,English,a bird bathes in a sink
mv89psg6zh4,33,46,362812,clean,43,English,
"""

_LSMDC_CLIP = "0001_American_Beauty_00.00.51.926-00.00.54.129"
LSMDC_TRAIN = (
    f"{_LSMDC_CLIP}\t00.00.51.926\t00.00.54.129\t00.00.51.926\t00.00.54.129\tSomeone lies in bed.\n"
    f"{_LSMDC_CLIP}\t00.00.51.926\t00.00.54.129\t00.00.51.926\t00.00.54.129\tSHE looks up.\n"
)

ACTIVITYNET = """{"v_QOlSCBRmfWY": {"duration": 82.73,
  "timestamps": [[0.83, 19.86], [17.37, 60.81]],
  "sentences": ["A girl steps onto a stage.", " She starts to dance."]},
 "v_ehGHCYKzyZ8": {"duration": 61.72,
  "timestamps": [[1.0, 61.72]],
  "sentences": ["A man washes a dog."]}}
"""

DIDEMO = """[{"annotation_id": 1, "description": "the dog comes out", "num_segments": 6,
  "dl_link": "https://example.org/a", "times": [[0, 0], [0, 0]], "reference_description": "",
  "video": "12090392@N02_13482799053_87ef417396.mov"},
 {"annotation_id": 2, "description": "first appearance of a boy", "num_segments": 5,
  "dl_link": "https://example.org/b", "times": [[1, 1]],
  "video": "44999205@N05_5243138138_f3a2.3gp"},
 {"annotation_id": 3, "description": "the dog lies down", "num_segments": 6,
  "dl_link": "https://example.org/a", "times": [[4, 5]],
  "video": "12090392@N02_13482799053_87ef417396.mov"}]
"""


def write_all(folder: Path) -> Path:
    """A folder for each dataset, with its annotation files and empty files as videos."""
    files = {
        "msrvtt/MSRVTT_data.json": MSRVTT_JSON,
        "msrvtt/MSRVTT_train.9k.csv": MSRVTT_9K,
        "msrvtt/MSRVTT_train.7k.csv": MSRVTT_7K,
        "msrvtt/MSRVTT_JSFUSION_test.csv": MSRVTT_TEST,
        "msrvtt/all/video0.mp4": "",
        "msrvtt/all/video2.mp4": "",
        "msrvtt/all/video3.webm": "",
        "msvd/AllVideoDescriptions.txt": MSVD_TEXT,
        "msvd/train_list.txt": "-4wsuPCjDBc_5_15\n",
        "msvd/val_list.txt": "mv89psg6zh4_33_46\n",
        "msvd/test_list.txt": "mv89psg6zh4_33_46\n-4wsuPCjDBc_5_15\n",
        "msvd/clips/-4wsuPCjDBc_5_15.avi": "",
        "msvd/clips/mv89psg6zh4_33_46.avi": "",
        "lsmdc/LSMDC16_annos_training.csv": LSMDC_TRAIN,
        "lsmdc/LSMDC16_annos_val.csv": LSMDC_TRAIN,
        "lsmdc/LSMDC16_challenge_1000_publictect.csv": LSMDC_TRAIN,
        f"lsmdc/0001_American_Beauty/{_LSMDC_CLIP}.avi": "",
        "activitynet/train.json": ACTIVITYNET,
        "activitynet/val_1.json": ACTIVITYNET,
        "activitynet/videos/v_QOlSCBRmfWY.mkv": "",
        "didemo/train_data.json": DIDEMO,
        "didemo/val_data.json": DIDEMO,
        "didemo/test_data.json": DIDEMO,
        "didemo/videos/12090392@N02_13482799053_87ef417396.mov": "",
        "didemo/videos/44999205@N05_5243138138_f3a2.mp4": "",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def msvd_json() -> str:
    """The captions as the pickle of the published release holds them."""
    return json.dumps(MSVD_JSON)
