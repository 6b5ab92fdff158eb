import type { settings as english } from '../en/settings.ts'
import { code } from '../marks.ts'

export const settings: typeof english = {
  filter: '按名称、值或来源筛选',
  shown: '显示哪些设置',
  choices: { all: '全部', set: '已设置' },
  reload: '重新读取设置',
  file: (path) => `设置来自环境变量和 ${code(path)}，以环境变量为准。`,
  noFile: `设置仅来自环境变量：程序所在目录没有 ${code('.env')}。`,
  help: `${code('tributary help settings')} 说明了每一项。`,
  warnings: '警告',
  name: '名称',
  value: '值',
  origin: '来源',
  changes: '修改生效',
  secretSet: '已设置（保密）',
  secretUnset: '未设置',
  none: '无',
  origins: { default: '默认', environment: '环境变量', 'the state': '在此控制台添加' },
  whenChanged: { now: '重新读取后', restart: '重启后' },
  noMatch: '没有符合筛选条件的设置。',
  nothingChanged: '设置已重新读取，没有变化。',
  changed: (names) => `现已生效：${names}`,
  atNextStart: (names) => `重启后生效：${names}`,
  problems: '设置有问题，因此原来的设置仍然有效：',
  table: '当前生效的设置',
}
