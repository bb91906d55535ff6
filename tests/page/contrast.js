// The lowest ratio of contrast between visible text and what is behind it, and which text it is.
(() => {
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const known = new Map();
const rgba = (c) => {
  if (!known.has(c)) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = c;
    canvas.fillRect(0, 0, 1, 1);
    known.set(c, canvas.getImageData(0, 0, 1, 1).data);
  }
  return known.get(c);
};
const light = (c) => [0, 1, 2].map((k) => c[k] / 255).map((x) => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
  .reduce((s, x, k) => s + x * [0.2126, 0.7152, 0.0722][k], 0);
const behind = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255]; };
let worst = [99, ""];
for (const e of document.querySelectorAll("#page *")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!own || !e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
  const [a, b] = [light(rgba(getComputedStyle(e).color)), light(behind(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < worst[0]) worst = [ratio, e.className + ": " + e.textContent.slice(0, 30)];
}
return worst;
})()
