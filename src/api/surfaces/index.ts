import { surface as admin } from './admin/index.ts'
import { surface as anthropic } from './anthropic/index.ts'
import { surface as chat } from './chat-server/index.ts'
import { surface as page } from './console/index.ts'
import { surface as mcp } from './mcp/index.ts'
import { surface as openai } from './openai/index.ts'
import { surface as status } from './operations/index.ts'
import { surface as responses } from './responses/index.ts'
import type { Surface } from './surface.ts'

/**
 * Every surface. An unknown path gets the error of the nearest surface. If none is near, it gets that of the first.
 */
export const surfaces: readonly Surface[] = [openai, responses, anthropic, mcp, chat, admin, page, status]
