// node make.mjs COUNT SIZE FOLDER: procedural portraits in pixel art, FOLDER/000000.png and so on, and what each of
// them shows, FOLDER/attributes.json.
//
// The design is pixel-art of DiceBear (CC0 1.0), and its code is MIT. Portrait i has the seed "portrait<i>", so the
// same versions of the packages, which package.json pins, draw the same portraits.
import { mkdirSync, writeFileSync } from "node:fs";
import { createAvatar } from "@dicebear/core";
import * as pixelArt from "@dicebear/pixel-art";
import { Resvg } from "@resvg/resvg-js";

const [count, size] = process.argv.slice(2, 4).map(Number);
const folder = process.argv[4];
mkdirSync(folder, { recursive: true });
const attributes = [];
for (let i = 0; i < count; i++) {
  const avatar = createAvatar(pixelArt, { seed: `portrait${i}`, size, backgroundColor: ["b6e3f4"] });
  const png = new Resvg(avatar.toString(), { fitTo: { mode: "width", value: size } }).render().asPng();
  writeFileSync(`${folder}/${String(i).padStart(6, "0")}.png`, png);
  attributes.push(avatar.toJson().extra);
}
writeFileSync(`${folder}/attributes.json`, JSON.stringify(attributes));
