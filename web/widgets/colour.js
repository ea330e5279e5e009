/** The colours of widgets as CSS: the tokens and palettes of the client, near enough. */

/** Tokens that the page has colours of its own for. @type {Readonly<Record<string, string>>} */
const TOKENS = {
  primary: "var(--text)",
  emphasis: "var(--text)",
  prose: "var(--text)",
  secondary: "var(--muted)",
  tertiary: "var(--muted)",
  success: "var(--success)",
  warning: "var(--warning)",
  caution: "var(--warning)",
  danger: "var(--danger)",
  info: "var(--info)",
  discovery: "var(--discovery)",
  default: "var(--line)",
  subtle: "var(--line)",
  strong: "var(--muted)",
  surface: "var(--surface)",
  "surface-secondary": "var(--raised)",
  "surface-tertiary": "var(--raised)",
  "surface-elevated": "var(--surface)",
};

/** Hue and saturation of the palettes whose steps run from 0 (white) to 1000 (black). @type {Readonly<Record<string, [number, number]>>} */
const PALETTES = {
  gray: [0, 0],
  red: [2, 80],
  orange: [25, 90],
  yellow: [46, 95],
  green: [145, 60],
  blue: [212, 90],
  purple: [265, 75],
  pink: [330, 80],
};

/**
 * @param {unknown} value - a token, a step of a palette, a CSS colour, or one of these for each theme.
 * @returns {string} a CSS colour; an empty text where the value is none of these.
 */
export function colour(value) {
  if (typeof value === "object" && value !== null && "light" in value && "dark" in value) {
    return `light-dark(${colour(value.light)}, ${colour(value.dark)})`;
  }
  if (typeof value !== "string") return "";
  if (Object.hasOwn(TOKENS, value)) return TOKENS[value];
  const [, palette, step] = /^([a-z]+)-(\d{1,4})$/.exec(value) ?? [];
  if (palette === undefined || !Object.hasOwn(PALETTES, palette)) return value;
  const [hue, saturation] = PALETTES[palette];
  return `hsl(${hue} ${saturation}% ${Math.max(100 - Number(step) / 10, 4)}%)`;
}
