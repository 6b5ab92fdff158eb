import { agents } from './agents.ts'
import { chatPrograms } from './chat-programs.ts'
import type { Client } from './client.ts'
import { libraries } from './libraries.ts'

/** Every client that has settings here. */
export const clients: readonly Client[] = [...libraries, ...chatPrograms, ...agents]
