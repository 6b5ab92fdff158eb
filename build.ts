/**
 * Builds the executable twice. A run of the first one records which functions a start and a few requests use, and in
 * the second one their bytecode lies together (docs/decisions/0045-small-start.md).
 */
import { rm } from 'node:fs/promises'
import { compile } from './release/compile.ts'
import { recordOrder } from './release/record-order.ts'

const outfile = 'dist/tributary'
const order = `${outfile}.order`

await compile({ outfile })
await recordOrder(outfile, order)
await compile({ outfile, order })
await rm(order)
