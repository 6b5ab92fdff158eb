import {
  emulateSupabase,
  type SupabaseEmulator,
  type SupabaseEmulatorOptions,
} from '../../../sign-in/emulator/supabase.ts'
import { emulateHttp } from '../../../wire/emulator/http.ts'
import type { EmulatedSocketIo } from '../../../wire/emulator/socketio.ts'
import type { RunBody } from './body.ts'
import { RunServer, type RunServerOptions } from './run-server.ts'

export type LangfastEmulatorOptions = Omit<SupabaseEmulatorOptions, 'otherwise'> & RunServerOptions

export interface LangfastEmulator extends SupabaseEmulator {
  /** `http://127.0.0.1:PORT`, the server that sends answers. */
  readonly socketUrl: string
  /** All requested runs, in order. */
  readonly runs: readonly RunBody[]
  /** The prompts that were made. */
  readonly prompts: readonly string[]
  /** Deletes all prompts. */
  forgetPrompts(): void
  /** All connections for answers, in order. */
  readonly lines: readonly EmulatedSocketIo[]
  /** The number of open connections for answers and unanswered requests. */
  busy(): number
  /** The variables for a gateway that uses this emulator. */
  readonly variables: Readonly<Record<string, string>>
}

/**
 * Langfast over real sockets: Supabase's sign-up and renewal, the edge function that starts a run, and the Socket.IO server
 * that sends the answer once, to all connections of the user at that moment. It answers `You said: …`.
 */
export async function emulateLangfast(options: LangfastEmulatorOptions = {}): Promise<LangfastEmulator> {
  const runServer = new RunServer(options)
  const project = await emulateSupabase({ ...options, otherwise: (exchange) => runServer.serve(exchange) })
  runServer.trust(project)
  const server = await emulateHttp((exchange) => runServer.connect(exchange))
  const [promptId] = options.promptIds ?? []
  return {
    ...project,
    socketUrl: server.origin,
    runs: runServer.runs,
    prompts: runServer.prompts,
    forgetPrompts: () => void runServer.prompts.splice(0),
    lines: runServer.lines,
    busy: () => server.openConnections() + runServer.unanswered(),
    variables: {
      LANGFAST_SUPABASE_URL: project.origin,
      LANGFAST_SUPABASE_ANON_KEY: project.anonKey,
      LANGFAST_SOCKET_URL: server.origin,
      ...(promptId && { LANGFAST_PROMPT_ID: promptId }),
    },
    close: async () => {
      await Promise.all([project.close(), server.close()])
    },
  }
}
