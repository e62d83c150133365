"""What indexing costs beside its two floors: bare decoding and the bare model.

    python -m benchmarks.ingest                      time; two to three minutes on two idle cores
    python -m benchmarks.ingest --long               memory: a two-hour file, about ten minutes
    python -m benchmarks.ingest --long --hours 0.25  the same, quicker

Time: 720p clips are made, and these are timed in turn, several times over:

decode    decord reads exactly the frames that indexing samples, at the same size, on all cores
forward   the bare engine on the same frames, ready made, in batches, on all cores
script    what somebody would write today: PyAV, two frames a second, and ONNX Runtime; no shots, no
          keyframes, no library
before    the whole program with the same model in PyTorch
indexing  the whole program, from files to a new library, every sampled frame encoded
skipping  the same with near-duplicate frames encoded once

Decoding and the model compete for the same cores, so the sum of the first two is the floor for
the third. On a GPU they do not, and the larger of the two would be.
"""

from benchmarks.measuring.options import add_model_options, parser_for
from benchmarks.measuring.reporting import Report


def main() -> None:
    parser = parser_for(__doc__)
    add_model_options(parser)
    parser.add_argument("--clips", type=int, default=4, help="how many clips (4)")
    parser.add_argument("--seconds", type=float, default=15, help="length of each clip (15)")
    parser.add_argument("--repetitions", type=int, default=3, help="rounds of timing (3)")
    parser.add_argument("--long", action="store_true", help="measure memory instead of time")
    parser.add_argument("--hours", type=float, default=2, help="length of the long file (2)")
    parser.add_argument("--frame-rate", type=int, default=30, help="and its frames/s (30)")
    options = parser.parse_args()
    # Every process that indexing starts imports this module again: it must load no libraries.
    if options.long:
        from benchmarks.measuring.memory import measure
    else:
        from benchmarks.measuring.floors import measure

    report = Report("ingest-long" if options.long else "ingest")
    measure(options, report)
    report.finish(options.out)


if __name__ == "__main__":
    main()
