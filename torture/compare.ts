import type { Card } from './card/card.ts'
import { comparison } from './card/comparison.ts'
import { sections } from './sections/index.ts'

// bun torture/compare.ts CARD.json …: prints score cards that --json wrote as one table in Markdown
const cards: Card[] = []
for (const file of process.argv.slice(2)) cards.push(JSON.parse(await Bun.file(file).text()))
console.log(comparison(cards, sections))
