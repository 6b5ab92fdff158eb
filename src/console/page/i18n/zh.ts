import type { Texts } from './en.ts'
import { api } from './zh/api.ts'
import { connect } from './zh/connect.ts'
import { home } from './zh/home.ts'
import { keys } from './zh/keys.ts'
import { requests } from './zh/requests.ts'
import { settings } from './zh/settings.ts'
import { tools } from './zh/tools.ts'
import { tryTexts } from './zh/try.ts'
import { upstreams } from './zh/upstreams.ts'
import { usage } from './zh/usage.ts'

/** The texts in Chinese. */
export const zh: Texts = {
  words: {
    loading: '加载中…',
    again: '重试',
    close: '关闭',
    cancel: '取消',
    save: '保存',
    copy: '复制',
    copied: '已复制',
    notCopied: '浏览器不允许复制，请手动选中文本复制。',
    unknown: '未知',
    yes: '是',
    no: '否',
    none: '无',
    all: '全部',
    more: '显示全部',
    less: '收起',
    unreachable: '无法连接网关。它在运行吗？本机与它在同一网络吗？',
  },
  shell: {
    skip: '跳到内容',
    views: '视图',
    menu: '菜单',
    live: '实时',
    notLive: '未连接',
    language: '语言',
    colours: '配色',
    themes: { system: '跟随系统', light: '浅色', dark: '深色' },
    needs: (count: number) => `${count} 项需要处理`,
    leave: '忘记密钥',
  },
  signIn: {
    why: '此网关需要密钥。',
    key: '密钥',
    hint: '密钥只保存在本标签页中。管理员密钥可查看全部内容，客户端密钥只能查看其可用的部分。',
    wrong: '密钥有误，或已被吊销。',
    enter: '进入',
  },
  views: {
    home: '首页',
    upstreams: '上游',
    requests: '请求',
    usage: '用量',
    keys: '密钥',
    try: '试用',
    tools: '工具',
    connect: '接入',
    api: 'API',
    settings: '设置',
  },

  api,
  home,

  upstreams,

  requests,

  usage,

  keys,

  try: tryTexts,

  tools,

  connect,

  settings,
}
