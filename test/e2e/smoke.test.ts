import { beforeAll, test } from 'bun:test'
import { oldProcessor } from '../../release/smoke/runners.ts'
import { smoke } from '../../release/smoke/smoke.ts'
import { build, executable, isSource } from './program.ts'

beforeAll(build, 120_000)

test.skipIf(isSource)(
  'the executable answers all that a release is asked',
  async () => {
    await smoke(executable, { emulator: [], environment: {} })
  },
  60_000,
)

// `bun run smoke` tries the executables of the other platforms in the same way
const isOldTried =
  process.env.TRIBUTARY_TEST_FULL === '1' && process.arch === 'x64' && Bun.which('qemu-x86_64-static') !== null
test.skipIf(isSource || !isOldTried)(
  'so it does on a processor without AVX',
  async () => {
    await smoke(executable, { emulator: oldProcessor, environment: {} })
  },
  120_000,
)
