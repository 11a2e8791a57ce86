"""An engine that has too little memory for anything, and says so in words that can be translated."""

import pipe

from nst_engine.words import Words, translatable

TOLD = {
    "message": Words(
        "Painting at {size} px needs about {needed:.1f} GB of memory; {left:.1f} GB are free.",
        size=512,
        needed=2.5,
        left=0.25,
    ),
    "remedy": "Close other programs, or scale the pictures down.",
}

pipe.greet()
while True:
    pipe.receive()
    pipe.send({"kind": "error", "code": "memory", **TOLD, "words": translatable(TOLD)})
