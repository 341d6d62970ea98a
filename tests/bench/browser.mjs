// Chromium, with a profile that is thrown away, and how much memory it took.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { processes } from '../browser/support/harness.mjs';

/** It keeps to itself. */
const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** On Linux a browser without a screen reaches a GPU through Vulkan alone. */
const VULKAN = ['--enable-features=Vulkan', '--use-angle=vulkan', '--disable-vulkan-surface'];
/** With a WebGPU adapter that needs no GPU, with this machine's own, or as most machines without a GPU have it: with none. */
const GPU = {
  own: ['--enable-unsafe-webgpu', '--ignore-gpu-blocklist', ...(process.platform === 'linux' ? VULKAN : [])],
  software: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--disable-gpu-watchdog'],
  none: ['--disable-gpu'],
};
/** A browser is busy with itself at first. */
const SETTLES_MS = 1_000;

/** A folder for a visitor's profile; `remove` throws it away. */
export async function newProfile() {
  const path = await mkdtemp(join(tmpdir(), 'stridescope-bench-'));
  // The last of a browser's processes write to it until they end.
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }) };
}

/**
 * Chromium with a profile that is there. `gpu` is `software`, `own` or `none`; service workers are blocked unless wanted.
 * Returns its context, `peak`, which says how many bytes its processes took at most, and `close`.
 */
export async function open(profile, { gpu = 'software', serviceWorkers = 'block' } = {}) {
  const context = await chromium.launchPersistentContext(profile.path, {
    executablePath: process.env.STRIDESCOPE_CHROMIUM,
    args: [...FLAGS, ...GPU[gpu]],
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

/** Opens Chromium with a profile of its own for `use`, and leaves nothing behind. */
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
 * The most of the machine's memory that processes held at any time, in bytes: of pages and their workers, the largest process, and the
 * process that stands for the GPU. Linux keeps the account; elsewhere nothing is known.
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
