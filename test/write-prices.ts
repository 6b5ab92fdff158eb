/** Writes `src/usage/shipped-prices.txt` from the installed price package. `bun run prices` runs it after the package was updated. */
import { join } from 'node:path'
import { shippedText } from './price-package.ts'

await Bun.write(join(import.meta.dir, '../src/usage/shipped-prices.txt'), await shippedText())
