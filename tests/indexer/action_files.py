"""A few lines of each data set of actions in the very form in which it is published."""

from pathlib import Path

KINETICS_TRAIN = """label,youtube_id,time_start,time_end,split,is_cc
testifying,---QUuC4vJs,84,94,train,0
eating spaghetti,--3ouPhoy2A,20,30,train,0
dribbling basketball,--4-0ihtnBU,58,68,train,0
"""
KINETICS_VALIDATE = """label,youtube_id,time_start,time_end,split,is_cc
javelin throw,--07WQ2iBlw,1,11,validate,0
testifying,-0gwpKOgGDQ,116,126,validate,0
"""
# The test of the newer releases has no labels.
KINETICS_TEST = """youtube_id,time_start,time_end,split
--0l35AkU68,66,76,test
"""
KINETICS_LABELS = (
    "id,name\n0,dribbling basketball\n1,eating spaghetti\n2,javelin throw\n3,testifying\n"
)

# The archive has the line ends of Windows.
UCF_CLASSES = "1 ApplyEyeMakeup\r\n2 ApplyLipstick\r\n3 YoYo\r\n"
UCF_TRAIN = (
    "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\r\n"
    "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c02.avi 1\r\n"
    "ApplyEyeMakeup/v_ApplyEyeMakeup_g09_c01.avi 1\r\n"
    "YoYo/v_YoYo_g25_c05.avi 3\r\n"
)
UCF_TEST = "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\r\nYoYo/v_YoYo_g01_c01.avi\r\n"
UCF_TEST_2 = "ApplyLipstick/v_ApplyLipstick_g08_c01.avi\r\n"

HMDB_BRUSH = (
    "April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1 \n"
    "April_09_brush_hair_u_nm_np1_ba_goo_1.avi 1 \n"
    "atheistinduldge_brush_hair_u_nm_np1_ba_med_0.avi 2 \n"
    "sarah_brushing_hair_brush_hair_h_cm_np1_ri_goo_2.avi 0 \n"
)
HMDB_TURN = "RATRACE_turn_u_nm_np1_fr_goo_11.avi 2 \n#20_Rhythm_turn_f_nm_np1_le_bad_2.avi 1 \n"

SSV2_LABELS = """{
  "Approaching something with your camera":"0",
  "Holding something next to something":"1",
  "Pushing something from left to right":"2"
}
"""
SSV2_TRAIN = (
    '[\n{"id":"78687","label":"holding potato next to vicks vaporub bottle",'
    '"template":"Holding [something] next to [something]",'
    '"placeholders":["potato","vicks vaporub bottle"]},\n'
    '{"id":"42326","label":"pushing cup from left to right",'
    '"template":"Pushing [something] from left to right","placeholders":["cup"]}\n]\n'
)
SSV2_VALIDATION = (
    '[\n{"id":"74225","label":"approaching glass with your camera",'
    '"template":"Approaching [something] with your camera","placeholders":["glass"]}\n]\n'
)

CHARADES_CLASSES = """c000 Holding some clothes
c001 Putting clothes somewhere
c092 Watching television
"""
_CHARADES_COLUMNS = (
    "id,subject,scene,quality,relevance,verified,script,objects,descriptions,actions,length"
)
CHARADES_TRAIN = f"""{_CHARADES_COLUMNS}
46GP8,HR43,Kitchen,6,7,Yes,"A person cooks, and looks at
the window.",food;window,A person cooking.,c092 11.90 21.20;c000 0.00 12.60;c001 10.90 21.40,30.58
YSKX3,HR43,Home Office,6,7,Yes,A person sits.,chair,Sitting.,,12.00
N11GT,0KZ7,Stairs,6,7,Yes,A person dresses.,clothes,Dressing.,c001 0.00 4.00;c000 6.00 2.00,18.33
"""
CHARADES_TEST = f"""{_CHARADES_COLUMNS}
AO8RW,1LBQ,Kitchen,6,7,Yes,A person watches.,television,Watching.,c092 0.00 30.00,29.79
"""


def write_all(folder: Path) -> Path:
    """A folder for each data set, with its annotation files and some empty files as videos."""
    files = {
        "kinetics/train.csv": KINETICS_TRAIN,
        "kinetics/validate.csv": KINETICS_VALIDATE,
        "kinetics/test.csv": KINETICS_TEST,
        "kinetics/train/testifying/---QUuC4vJs_000084_000094.mp4": "",
        "kinetics/train/--3ouPhoy2A.mkv": "",
        "kinetics/val/--07WQ2iBlw_000001_000011.mp4": "",
        "ucf101/classInd.txt": UCF_CLASSES,
        "ucf101/trainlist01.txt": UCF_TRAIN,
        "ucf101/testlist01.txt": UCF_TEST,
        "ucf101/testlist02.txt": UCF_TEST_2,
        "ucf101/UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi": "",
        "ucf101/UCF-101/YoYo/v_YoYo_g01_c01.avi": "",
        "ucf101/UCF-101/ApplyLipstick/v_ApplyLipstick_g08_c01.avi": "",
        "hmdb51/testTrainMulti_7030_splits/brush_hair_test_split1.txt": HMDB_BRUSH,
        "hmdb51/testTrainMulti_7030_splits/turn_test_split1.txt": HMDB_TURN,
        "hmdb51/turn/#20_Rhythm_turn_f_nm_np1_le_bad_2.avi": "",
        "hmdb51/turn/RATRACE_turn_u_nm_np1_fr_goo_11.avi": "",
        "ssv2/something-something-v2-labels.json": SSV2_LABELS,
        "ssv2/something-something-v2-train.json": SSV2_TRAIN,
        "ssv2/something-something-v2-validation.json": SSV2_VALIDATION,
        "ssv2/20bn-something-something-v2/78687.webm": "",
        "ssv2/20bn-something-something-v2/74225.webm": "",
        "charades/Charades_v1_classes.txt": CHARADES_CLASSES,
        "charades/Charades_v1_train.csv": CHARADES_TRAIN,
        "charades/Charades_v1_test.csv": CHARADES_TEST,
        "charades/Charades_v1_480/46GP8.mp4": "",
        "charades/Charades_v1_480/AO8RW.mp4": "",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder
