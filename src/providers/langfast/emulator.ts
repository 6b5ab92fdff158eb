import { emulateSupabase, type SupabaseEmulator, type SupabaseEmulatorOptions } from '../../auth/supabase-emulator.ts'
import { emulateHttp } from '../../wire/http-emulator.ts'
import type { EmulatedSocketIo } from '../../wire/socketio-emulator.ts'
import type { RunBody } from './emulated-body.ts'
import { Office, type OfficeOptions } from './emulated-office.ts'

export type LangfastEmulatorOptions = Omit<SupabaseEmulatorOptions, 'otherwise'> & OfficeOptions

export interface LangfastEmulator extends SupabaseEmulator {
  /** `http://127.0.0.1:PORT`, where answers come from. */
  readonly socketUrl: string
  /** Runs that were asked for, in their order. */
  readonly runs: readonly RunBody[]
  /** Prompts that were made. */
  readonly prompts: readonly string[]
  /** Removes them. */
  forgetPrompts(): void
  /** Connections for answers, in their order. */
  readonly lines: readonly EmulatedSocketIo[]
  /** Connections for answers that are open, and requests that are not answered yet. */
  busy(): number
  /** The variables of a gateway before it. */
  readonly variables: Readonly<Record<string, string>>
}

/**
 * A langfast over real sockets: sign-up and renewal of Supabase, the edge function that starts a run, and the Socket.IO
 * server that tells its answer to whoever of the user is connected then, once. It says `You said: …`.
 */
export async function emulateLangfast(options: LangfastEmulatorOptions = {}): Promise<LangfastEmulator> {
  const office = new Office(options)
  const project = await emulateSupabase({ ...options, otherwise: (exchange) => office.serve(exchange) })
  office.trust(project)
  const server = await emulateHttp((exchange) => office.connect(exchange))
  const [promptId] = options.promptIds ?? []
  return {
    ...project,
    socketUrl: server.origin,
    runs: office.runs,
    prompts: office.prompts,
    forgetPrompts: () => void office.prompts.splice(0),
    lines: office.lines,
    busy: () => server.openConnections() + office.unanswered(),
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
