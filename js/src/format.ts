// Numbers as a person reads them on the page; no HTML.

const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Three significant digits; powers of ten where plain digits would be long: "0.0123", "4.2 × 10⁻⁵". */
export function formatNumber(x: number, digits = 3, smallestPlain = 1e-3): string {
  if (!Number.isFinite(x)) {
    return String(x);
  }
  const size = Math.abs(x);
  if (size === 0) {
    return "0";
  }
  const sign = x < 0 ? "−" : "";
  // Rounded first: 999.9 becomes 1000 and 0.00099999 becomes 0.001.
  const rounded = Number(size.toPrecision(digits));
  if (rounded >= smallestPlain && rounded < 1e5) {
    return sign + String(rounded);
  }
  const [mantissa = "0", exponent = "0"] = rounded.toExponential().split("e");
  const power = Math.abs(Number(exponent));
  const raised = [...String(power)].map((digit) => SUPERSCRIPT[Number(digit)]).join("");
  return `${sign}${mantissa} × 10${Number(exponent) < 0 ? "⁻" : ""}${raised}`;
}

/** Between 1 % and 99 % in whole tenths; beyond, as "< 0.1 %" rather than a certainty that no softmax has. */
export function formatPercent(p: number): string {
  if (p > 0 && p < 0.001) {
    return "< 0.1 %";
  }
  if (p < 1 && p > 0.9994) {
    return "> 99.9 %";
  }
  return `${(100 * p).toFixed(1)} %`;
}

export function formatSeconds(ms: number): string {
  if (ms < 1000) {
    return `${Math.round(ms)} ms`;
  }
  return ms < 60_000
    ? `${(ms / 1000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
