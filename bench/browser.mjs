// Chromium with a temporary profile, and its peak of memory.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processes } from '../tests/browser/support/harness.mjs';
import { packages } from './packages.mjs';

const { chromium } = packages('playwright-core');

/** Without background traffic or other interference. */
const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** On Linux a headless browser reaches a GPU through Vulkan only. */
const VULKAN = ['--enable-features=Vulkan', '--use-angle=vulkan', '--disable-vulkan-surface'];
/** WebGPU on a software adapter, on this machine's GPU, or absent, as on most machines without a GPU. */
const GPU = {
  own: ['--enable-unsafe-webgpu', '--ignore-gpu-blocklist', ...(process.platform === 'linux' ? VULKAN : [])],
  software: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--disable-gpu-watchdog'],
  none: ['--disable-gpu'],
};
/** A new browser is busy with itself at first. */
const SETTLES_MS = 1_000;

/** A folder for a profile; `remove` deletes it. */
export async function newProfile() {
  const path = await mkdtemp(join(tmpdir(), 'stridescope-bench-'));
  // The browser's last processes write to it until they end.
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }) };
}

/**
 * Opens Chromium with an existing profile. `gpu` is `software`, `own` or `none`, `args` are further flags; service workers are blocked by default. Returns its context, `peak`,
 * which returns the peak of its processes in bytes, and `close`.
 */
export async function open(profile, { gpu = 'software', serviceWorkers = 'block', args = [] } = {}) {
  const context = await chromium.launchPersistentContext(profile.path, {
    executablePath: process.env.STRIDESCOPE_CHROMIUM,
    args: [...FLAGS, ...GPU[gpu], ...args],
    serviceWorkers,
  });
  context.setDefaultTimeout(120_000);
  context.on('weberror', (error) => console.error(`page: ${error.error().message}`));
  context.on('console', (message) => {
    if (message.type() === 'error') console.error(`page: ${message.text()} (${message.location().url})`);
  });
  await new Promise((resolve) => setTimeout(resolve, SETTLES_MS));
  return { context, version: context.browser()?.version(), peak: () => peaks(profile.path), close: () => context.close() };
}

/** Opens Chromium with a new profile for `use`, and deletes the profile afterwards. */
export async function alone(options, use) {
  const profile = await newProfile();
  try {
    const browser = await open(profile, options);
    try {
      return await use(browser);
    } finally {
      await browser.close();
    }
  } finally {
    await profile.remove();
  }
}

/**
 * Peak of resident memory in bytes: of the largest renderer process (a page and its workers), and of the GPU process. Linux records it; elsewhere it
 * is unknown.
 */
async function peaks(profile) {
  if (process.platform !== 'linux') return { page: null, gpu: null };
  const largest = async (type) => {
    const files = processes(profile).filter(({ line }) => line.includes(`--type=${type}`)).map(({ pid }) => `/proc/${pid}/status`);
    const states = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
    return Math.max(0, ...states.map((state) => 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(state)?.[1] ?? 0)));
  };
  return { page: await largest('renderer'), gpu: await largest('gpu-process') };
}
