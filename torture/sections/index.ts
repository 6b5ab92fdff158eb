import type { Section } from '../suite/check.ts'
import { abort } from './abort.ts'
import { bodies } from './bodies.ts'
import { doors } from './doors.ts'
import { errors } from './errors.ts'
import { isolation } from './isolation.ts'
import { keepAlive } from './keep-alive.ts'
import { latency } from './latency.ts'
import { leaks } from './leaks.ts'
import { longLines } from './long-lines.ts'
import { mixing } from './mixing.ts'
import { reasoning } from './reasoning.ts'
import { recovery } from './recovery.ts'
import { slowReaders } from './slow-readers.ts'
import { splits } from './splits.ts'
import { streams } from './streams.ts'
import { tools } from './tools.ts'
import { translation } from './translation.ts'
import { truncation } from './truncation.ts'
import { usage } from './usage.ts'

/** All sections, in the order in which they are run: what may harm the gateway comes last. */
export const sections: readonly Section[] = [
  streams,
  abort,
  splits,
  tools,
  reasoning,
  usage,
  translation,
  mixing,
  isolation,
  doors,
  bodies,
  keepAlive,
  longLines,
  latency,
  truncation,
  errors,
  slowReaders,
  recovery,
  leaks,
]
