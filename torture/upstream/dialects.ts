import type { Surface } from '../talk/surface.ts'
import { chat } from './chat.ts'
import type { UpstreamDialect } from './dialect.ts'
import { messages } from './messages.ts'
import { responses } from './responses.ts'

export const upstreamDialects = { chat, responses, messages } as const satisfies Record<Surface, UpstreamDialect>
