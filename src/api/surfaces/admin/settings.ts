import { ChatError } from '../../../chat/error.ts'
import { answerJson } from '../../exchange/answer-json.ts'
import type { ShownSetting } from '../../exchange/live-configuration.ts'
import type { SurfaceRoute } from '../surface.ts'

const shared = { access: 'admin', cors: false } as const

/** The routes for the configuration. No answer has the value of a setting that is or may contain a secret. */
export const settingsRoutes: readonly SurfaceRoute[] = [
  {
    ...shared,
    method: 'GET',
    path: '/admin/settings',
    summary: 'Lists the settings in force, where they come from, and when a change takes effect',
    gives: 'SettingList',
    handler: answerJson((_request, _call, { configuration }) => {
      const { settings, envFile = null, warnings } = configuration.show()
      return { body: { object: 'list', data: settings.map(encode), env_file: envFile, warnings } }
    }),
  },
  {
    ...shared,
    method: 'POST',
    path: '/admin/reload',
    summary: 'Reads the configuration again, as SIGHUP does; if it has problems, nothing changes',
    gives: 'Reload',
    handler: answerJson((_request, _call, { configuration }) => {
      const { changed, atNextStart, problems } = configuration.reload()
      return { body: { changed, at_next_start: atNextStart, problems } }
    }),
  },
  {
    ...shared,
    method: 'POST',
    path: '/admin/restart',
    summary: 'Lets another process of the same executable take over without a gap; answers when that one is ready',
    gives: 'Restart',
    fails: ['conflict'],
    handler: answerJson(async (_request, _call, { restart }) => {
      if (!restart) throw new ChatError('conflict', { code: 'restart_impossible', message: noRestart })
      const { pid, executable } = await restart()
      return { body: { pid, executable } }
    }),
  },
]

const noRestart = 'This process is part of another program, which must be restarted itself.'

function encode({ name, value, isSet, origin, changes }: ShownSetting) {
  return { name, value: value ?? null, is_secret: value === undefined, is_set: isSet, origin, changes }
}
