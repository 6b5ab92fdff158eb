import type { Card } from './card/card.ts'
import { comparison } from './card/comparison.ts'
import { withoutBusy } from './card/without-busy.ts'
import { sections } from './sections/index.ts'

// bun torture/compare.ts [--busy] CARD.json …: prints score cards that --json wrote as one table in Markdown
const files = process.argv.slice(2).filter((word) => word !== '--busy')
const isBusy = process.argv.includes('--busy')
const cards: Card[] = []
for (const file of files) cards.push(JSON.parse(await Bun.file(file).text()))
console.log(comparison(isBusy ? cards.map(withoutBusy) : cards, sections))
