/** Writes `openapi.json` from the list of surfaces. `bun run openapi` runs it. */
import { join } from 'node:path'
import { describeSurfaces } from '../src/api/describe-surfaces.ts'
import { surfaces } from '../src/api/surfaces/index.ts'
import { version } from '../src/version.ts'

const text = JSON.stringify(describeSurfaces(surfaces, version), null, 2)
await Bun.write(join(import.meta.dir, '../openapi.json'), `${text}\n`)
