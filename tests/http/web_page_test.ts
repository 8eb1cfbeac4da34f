import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isWebPage } from "../../src/http/web_page.ts";

function isPage(text: string, type?: string): boolean {
  const headers = new Headers(
    type === undefined ? {} : { "content-type": type },
  );
  return isWebPage({ headers, text });
}

describe("a web page", () => {
  const pages: [text: string, type?: string][] = [
    ["", "text/html"],
    ["Sign in", "text/html; charset=utf-8"],
    ["Sign in", "TEXT/HTML ;charset=utf-8"],
    ["<p>Sign in", "application/xhtml+xml"],
    ["<!doctype html>"],
    ['<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0">', "text/plain"],
    ["<!DOCTYPE\nhtml>"],
    ["<html>", "application/json"],
    ["<HTML lang=en>"],
    ["\ufeff\r\n\t <html>"],
  ];
  for (const [text, type] of pages) {
    it(`is ${JSON.stringify(text)} of type ${type}`, () => {
      assertEquals(isPage(text, type), true);
    });
  }

  const others: [text: string, type?: string][] = [
    [""],
    ["", "application/json"],
    ["Sign in", "text/plain"],
    ["{}", "text/html"],
    [' [{"a":1', "text/html; charset=utf-8"],
    ["<html5>"],
    ['<?xml version="1.0"?><feed/>', "application/xml"],
    ["an <html> tag", "text/plain"],
    ["x", "text/html5"],
    ["x", "application/problem+json; note=text/html"],
  ];
  for (const [text, type] of others) {
    it(`is not ${JSON.stringify(text)} of type ${type}`, () => {
      assertEquals(isPage(text, type), false);
    });
  }
});
