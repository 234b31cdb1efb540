"""One colour per parameter, the same on a terminal and in pictures."""

import colorsys

# Okabe and Ito's palette, told apart by colour-blind readers too (black left out: it is the background of a terminal).
FIRST = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")


def colour(number: int) -> str:
    """The colour of parameter `number` as `#rrggbb`.

    >>> colour(0)
    '#0072b2'
    """
    if number < len(FIRST):
        return FIRST[number]
    # Steps of the golden ratio around the hue circle never come close to a hue used shortly before.
    hue = (number * 0.6180339887498949) % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, 0.45 + 0.2 * (number % 3) / 2, 0.65)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
